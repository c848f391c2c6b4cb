//go:build unix && medusa

package medusa

import (
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// runDashboard has a browser use the dashboard that a server serves.
func runDashboard(t *testing.T, backend *medusa, url string, env ...string) {
	e2e.RunScript(t, scripts(t), "dashboard/dashboard.mjs", append([]string{
		"SHOP_URL=" + url, "ADMIN_EMAIL=" + adminEmail, "ADMIN_PASSWORD=" + adminPassword, "CUSTOMER_EMAIL=" + customerEmail,
	}, env...), e2e.Answers{
		"invite": func(email string) any { return backend.invite(t, email) },
		"reset":  func(email string) any { return backend.resetEvent(t, email) },
	})
}

// Admins use the dashboard through the sidecar: one whom Medusa knew before, and
// one who is new.
func testDashboard(t *testing.T, s *shop) {
	runDashboard(t, s.backend, s.caddy.URL())
}
