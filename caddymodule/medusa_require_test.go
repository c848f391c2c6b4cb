package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// openRequiring starts a shop in front of a Medusa of which a rule keeps
// strangers away.
func openRequiring(t *testing.T, site, rules string) *medusaShop {
	t.Helper()
	t.Setenv("TEST_MEDUSA_SECRET", medusaSecret)
	m := identitytest.NewMedusa(t, medusaSecret)
	whole := strings.NewReplacer("timeout 1500ms", "timeout 1500ms\n"+ownSecret, "auth_sidecar {", "auth_sidecar {\n"+site,
		"auth_require /admin/* user", rules).Replace(medusaSite(m, ""))
	return &medusaShop{open(t, config{Site: whole}), m}
}

// Who registered while the backend was down becomes a customer at the first
// attempt, whichever rule says that they may, and by either credential.
func TestRuleOnALinkRoute(t *testing.T) {
	const rules = `auth_require /store/customers customer {
		allow_unregistered
	}`
	for name, method := range map[string]string{"bearer": "Authorization", "session": "Cookie"} {
		t.Run(name, func(t *testing.T) {
			s := openRequiring(t, "", rules)
			s.medusa.Fault("", identitytest.MedusaFails)
			bearer, _ := s.signUp(t, "jane@example.com")
			credential := bearer
			if method == "Cookie" {
				credential = s.shop.logIn(t, person{bearer: bearer}, "")
			}
			s.medusa.Fault("", "")
			const refresh = "POST /auth/token/refresh"
			before := s.medusa.Calls(refresh)
			wantStatus(t, s.send(t, "POST", "/store/customers", `{"email":"jane@example.com"}`, method, credential), http.StatusOK)
			if asked := s.medusa.Calls(refresh) - before; asked != 1 { // whether our tokens are taken
				t.Errorf("the backend was asked %d times", asked)
			}
			if claims := s.logIn(t, "jane@example.com", passphrase); claims["actor_id"] == "" {
				t.Errorf("not linked: %v", claims)
			}
		})
	}
}

// A rule that makes another login of the browser the caller prepares that one.
func TestRuleChoosesWhoIsPrepared(t *testing.T) {
	s := openRequiring(t, "link customer POST /join customer.id", `auth_require /join customer {
		allow_unregistered
	}`)
	s.medusa.Fault("", identitytest.MedusaFails)
	bearer, _ := s.signUp(t, "jane@example.com")
	cookie := s.shop.logIn(t, person{bearer: bearer}, "")
	staff, _ := token(t, s.post(t, "/auth/user/emailpass/register", "", credentials("eve@example.com", passphrase)))
	cookie = s.shop.logIn(t, person{bearer: staff}, cookie) // the latest login counts without a rule
	s.send(t, "POST", "/join", "{}", "Cookie", cookie).wantUnavailable(t)
	s.medusa.Fault("", "")
	eventually(t, "the backend's state is noticed", func() bool {
		r := s.send(t, "POST", "/join", "{}", "Cookie", cookie)
		if r.StatusCode == http.StatusServiceUnavailable {
			return false
		}
		if !strings.Contains(r.body, `"actor_type":"customer"`) || !strings.Contains(r.body, `"auth_identity_id":"authid_01MEDUSA`) {
			t.Errorf("the backend saw %d %s", r.StatusCode, r.body)
		}
		return true
	})
	if addresses := s.medusa.Addresses(); len(addresses) != 1 || addresses[0] != "jane@example.com" {
		t.Errorf("shadows %q", addresses)
	}
}
