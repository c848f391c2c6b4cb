//go:build unix && medusa

package medusav1

import "testing"

// One Medusa serves all tests, which use people of their own: starting it takes
// longer than most of them.
func TestMedusa(t *testing.T) {
	backend := startMedusa(t)
	t.Run("client alone", func(t *testing.T) { testClientAlone(t, backend) })
	s := newShop(t, backend, backend.Addr())
	t.Run("differences", func(t *testing.T) { testDifferences(t, s) })
	t.Run("client", func(t *testing.T) { testClient(t, s) })
	t.Run("newcomers", func(t *testing.T) { testNewcomers(t, backend) })
	t.Run("moves over", func(t *testing.T) { testMovesOver(t, backend) })
	t.Run("deleted user", func(t *testing.T) { testDeletedUser(t, backend) })
	t.Run("customer of a user", func(t *testing.T) { testCustomerOfAUser(t, backend) })
	t.Run("resets pause", func(t *testing.T) { testResetsPause(t, backend) })
	t.Run("page", func(t *testing.T) { testPage(t, backend) })
	t.Run("stopped", func(t *testing.T) { testStopped(t, backend) })
}
