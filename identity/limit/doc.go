// Package limit counts what strangers cause, by the network that they come from
// and in all, within one process and a bounded memory.
package limit
