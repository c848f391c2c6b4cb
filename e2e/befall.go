//go:build unix

package e2e

import (
	"testing"
	"time"
)

// Befall asks while something befalls the next request of a route through the gate.
// The sidecar is as it was when it returns.
type Befall func(t *testing.T, g *Gate, sidecar *Caddy, route string, ask func())

// Befalls are what may befall a request to the backend: it or its answer is lost, or
// the sidecar is killed before or after it.
var Befalls = map[string]Befall{
	"request lost": func(t *testing.T, g *Gate, _ *Caddy, route string, ask func()) {
		g.Once(route, Lost)
		ask()
		g.Met(t)
	},
	"answer lost": func(t *testing.T, g *Gate, _ *Caddy, route string, ask func()) {
		g.Once(route, AnswerIsLost)
		ask()
		g.Met(t)
	},
	"killed before": func(t *testing.T, g *Gate, sidecar *Caddy, route string, ask func()) {
		killAt(t, g, sidecar, route, func(func()) {}, ask)
	},
	"killed after": func(t *testing.T, g *Gate, sidecar *Caddy, route string, ask func()) {
		killAt(t, g, sidecar, route, func(forward func()) { forward() }, ask)
	},
}

// killAt asks, kills the sidecar when the backend is about to answer, and starts it
// again.
func killAt(t *testing.T, g *Gate, sidecar *Caddy, route string, first Fault, ask func()) {
	t.Helper()
	now, dead := make(chan struct{}), make(chan struct{})
	g.Once(route, func(forward func()) {
		first(forward)
		close(now)
		<-dead
		Broken()
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ask()
	}()
	select {
	case <-now: // the answer to what was asked may be there already
	case <-time.After(FaultTimeout):
		t.Fatal("the sidecar did not get that far")
	}
	sidecar.Kill()
	close(dead)
	<-ended
	sidecar.Restart()
}
