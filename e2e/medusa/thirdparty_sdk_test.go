//go:build unix && medusa

package medusa

import (
	"fmt"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// The official SDK logs people in by third parties, in both modes. The customer
// who becomes a user as well has one identity, as at Medusa.
func testThirdPartySDK(t *testing.T, backend *medusa) {
	p := newThirdParties(t, "")
	s := openShop(t, backend, backend.Addr(), p.setup())
	project := scripts(t)
	for n, mode := range []string{"jwt", "session"} {
		for provider, email := range map[string]string{"sso": "zoe@" + mode + ".sso.example.com", "github": "zoe@" + mode + ".github.example.com"} {
			if provider == "github" {
				p.hub.LogIn(fmt.Sprintf(`{"login":"zoe","id":%d,"email":%q}`, 4001+n, email),
					fmt.Sprintf(`[{"email":%q,"primary":true,"verified":true}]`, email))
			}
			for _, actor := range []string{"customer", "user"} {
				t.Run(mode+" "+provider+" "+actor, func(t *testing.T) {
					e2e.RunScript(t, project, "sdk/thirdparty.mjs", []string{
						"SHOP_URL=" + s.caddy.URL(), "PUBLISHABLE_KEY=" + backend.Key, "MODE=" + mode,
						"ACTOR=" + actor, "PROVIDER=" + provider, "EMAIL=" + email,
					}, e2e.Answers{"shadow": func(id string) any {
						backend.hasShadow(t, actor, id)
						backend.hasIdentity(t, email, "")
						return nil
					}})
				})
			}
		}
	}
}

// Staff use the dashboard's own buttons.
func testThirdPartyDashboard(t *testing.T, backend *medusa) {
	port := identitytest.FreePort(t)
	// As the dashboard asks for it (reference medusa-v2, section 14).
	p := newThirdParties(t, fmt.Sprintf("http://127.0.0.1:%d/app/login?auth_provider=sso", port))
	set := p.setup()
	set.port = port
	s := openShop(t, backend, backend.Addr(), set)
	const had, new, unverified = "ada@dashboard.example.com", "grace@dashboard.example.com", "mallory@dashboard.example.com"
	id := backend.user(t, had)
	e2e.RunScript(t, scripts(t), "dashboard/thirdparty.mjs", []string{
		"SHOP_URL=" + s.caddy.URL(), "STAFF=" + staffName, "CUSTOMER_EMAIL=" + customerEmail,
		"HAD=" + had, "NEW=" + new, "UNVERIFIED=" + unverified,
	}, e2e.Answers{"unverified": func(on string) any {
		p.unverified(on == "yes")
		return nil
	}})
	is := func(email, want string) {
		t.Helper()
		if got := backend.Postgres.Query(t, `select string_agg(id, ';') from "user" where email = '`+email+`'`); want != "one" && got != want || want == "one" && len(got) != len(id) {
			t.Errorf("the users with the address %s are %q, want %s", email, got, want)
		}
	}
	is(had, id)
	is(new, "one")
	is(unverified, "")
	backend.hasShadow(t, "user", id)
}
