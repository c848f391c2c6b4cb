//go:build unix && medusa

package medusa

import (
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// runSDK runs the scripts of sdk/, and those of ../sdk that are about Medusa,
// against a server, in both modes of the SDK.
func runSDK(t *testing.T, backend *medusa, url string, names []string, env ...string) {
	project := scripts(t)
	answers := e2e.Answers{
		"invite": func(email string) any { return backend.invite(t, email) },
		"reset":  func(email string) any { return backend.resetEvent(t, email) },
	}
	for _, mode := range []string{"jwt", "session"} {
		run := func(t *testing.T, script string, more ...string) {
			t.Helper()
			e2e.RunScript(t, project, script, append(append([]string{
				"SHOP_URL=" + url, "PUBLISHABLE_KEY=" + backend.Key, "MODE=" + mode,
			}, env...), more...), answers)
		}
		for _, name := range names {
			t.Run(mode+" "+name, func(t *testing.T) {
				switch name {
				case "account":
					for _, actor := range []string{"customer", "user"} {
						run(t, "sdk/account.mjs", "ACTOR="+actor)
					}
				case "customer":
					run(t, "sdk/customer.mjs")
				default:
					run(t, "shop/"+name+".mjs", "INVITE="+backend.invite(t, mode+"."+name+"@sdk.example.com"))
				}
			})
		}
	}
}

// What the scripts expect of the sidecar is what Medusa itself does.
func testSDKAlone(t *testing.T, backend *medusa) {
	runSDK(t, backend, backend.URL(), []string{"account", "customer"}, "ALONE=1")
}

// The official SDK works through the sidecar, with tokens and with cookies.
func testSDK(t *testing.T, s *shop) {
	runSDK(t, s.backend, s.caddy.URL(), []string{"account", "customer", "existing", "admin"})
}
