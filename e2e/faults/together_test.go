//go:build unix && faults

package faults

import "testing"

// The sidecar and the master are killed together at every step of a third of the
// writes: the states that are left are those of the master's death alone (attack K2).
func TestSidecarAndMasterAreKilled(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.everyStep(t, p.sampled(0), func(t testing.TB) death {
		return after(func(heard func()) {
			p.node.Kill()
			heard()
			p.master.Kill()
			p.promote(t)
			p.node.Restart()
		})
	})
}
