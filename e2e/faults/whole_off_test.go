//go:build !faults

package faults

// whole is whether everything is run, or the part that takes a minute.
const whole = false
