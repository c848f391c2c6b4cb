//go:build unix && medusa

package medusa

import "testing"

// One Medusa serves all tests, which use people of their own: starting it takes
// longer than most of them.
func TestMedusa(t *testing.T) {
	backend := startMedusa(t)
	t.Run("SDK alone", func(t *testing.T) { testSDKAlone(t, backend) })
	s := newShop(t, backend, backend.addr())
	t.Run("differences", func(t *testing.T) { testDifferences(t, s) })
	t.Run("SDK", func(t *testing.T) { testSDK(t, s) })
	t.Run("dashboard", func(t *testing.T) { testDashboard(t, s) })
	t.Run("newcomers", func(t *testing.T) { testNewcomers(t, backend) })
	t.Run("moves over", func(t *testing.T) { testMovesOver(t, backend) })
	t.Run("forgets", func(t *testing.T) { testForgets(t, backend) })
	t.Run("slow", func(t *testing.T) { testSlow(t, backend) })
	t.Run("wrong secret", func(t *testing.T) { testWrongSecret(t, backend) })
	t.Run("stopped", func(t *testing.T) { testStopped(t, backend) })
}
