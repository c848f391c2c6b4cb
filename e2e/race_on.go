//go:build race

package e2e

// raceDetector is whether the tests run with the race detector; Caddy does as they do.
const raceDetector = true
