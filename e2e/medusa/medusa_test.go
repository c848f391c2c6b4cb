//go:build unix && medusa

package medusa

import "testing"

// One Medusa serves all tests, which use people of their own: starting it takes
// longer than most of them.
func TestMedusa(t *testing.T) {
	backend := startMedusa(t)
	t.Run("SDK alone", func(t *testing.T) { testSDKAlone(t, backend) })
	s := newShop(t, backend, backend.Addr())
	t.Run("differences", func(t *testing.T) { testDifferences(t, s) })
	t.Run("SDK", func(t *testing.T) { testSDK(t, s) })
	t.Run("dashboard", func(t *testing.T) { testDashboard(t, s) })
	t.Run("beside", func(t *testing.T) {
		for name, test := range map[string]func(t *testing.T, backend *medusa){
			"newcomers":             testNewcomers,
			"invites":               testInvites,
			"linking":               testLinking,
			"deletion":              testDeletion,
			"moves over":            testMovesOver,
			"forgets":               testForgets,
			"slow":                  testSlow,
			"shadow":                testShadow,
			"migration":             testMigration,
			"secret":                testSecret,
			"rules":                 testRules,
			"taken":                 testTaken,
			"spelling":              testSpelling,
			"set back":              testSetBack,
			"rotation":              testRotation,
			"going back":            testGoingBack,
			"wrong secret":          testWrongSecret,
			"provisioned":           testProvisioned,
			"visitors":              testVisitors,
			"third party SDK":       testThirdPartySDK,
			"third party dashboard": testThirdPartyDashboard,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, backend)
			})
		}
	})
	t.Run("stopped", func(t *testing.T) { testStopped(t, backend) })
}
