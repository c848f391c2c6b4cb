package caddymodule_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const methodNotAccepted = `{"type":"forbidden","message":"This kind of credential is not accepted here"}`

// expectation is what must become of a request with a credential.
type expectation struct {
	target     string
	credential []string
	status     int    // of the sidecar's own answer, or 200: the backend's
	as         person // whom the backend is told of
}

func (s *shop) expect(t *testing.T, list []expectation) {
	t.Helper()
	for _, e := range list {
		t.Run(fmt.Sprintf("%s %.60q", e.target, e.credential), func(t *testing.T) {
			r := s.send(t, "GET", e.target, "", e.credential...)
			switch e.status {
			case http.StatusOK:
				wantIdentity(t, r.seen(t), e.as.identity())
			case http.StatusForbidden:
				r.want(t, e.status, methodNotAccepted)
			default:
				r.want(t, e.status, unauthorized)
			}
		})
	}
}

func bearer(p person) []string  { return []string{"Authorization", p.bearer} }
func session(p person) []string { return []string{"Cookie", p.cookie} }

var basic = []string{"Authorization", "Basic c2tfMTo="}

func TestRequire(t *testing.T) {
	s := open(t, config{
		Site: `auth_sidecar
auth_require /admin* user
auth_require /admin/public* * {
	optional
}
auth_require /admin/bearer user {
	methods bearer
}
auth_require /admin/session user {
	methods session
}
auth_require /admin/keys* user {
	methods bearer session api_key
}
auth_require /admin/only-keys user {
	methods api_key
}
auth_require /both customer user
auth_require /new customer {
	allow_unregistered
}
@reports path /reports* /exports*
auth_require @reports user
` + mayJoin + "reverse_proxy {backend}",
	})
	ada, eve := s.join(t, "customer", "ada@example.com"), s.join(t, "user", "eve@example.com")
	bob := s.register(t, "customer", "bob@example.com")
	bob.cookie = s.logIn(t, bob, "")
	newUser := s.register(t, "user", "new@example.com")
	none := person{}
	s.expect(t, []expectation{
		{"/elsewhere", nil, 200, none},
		{"/elsewhere", bearer(bob), 200, bob},
		{"/admin", nil, 401, none},
		{"/admin", bearer(ada), 401, none},
		{"/admin", bearer(newUser), 401, none},
		{"/admin", bearer(eve), 200, eve},
		{"/admin/x", session(eve), 200, eve},
		{"/administrators", nil, 401, none},
		// Of the rules that match only the most specific one applies.
		{"/admin/public", nil, 200, none},
		{"/admin/public/x", bearer(ada), 200, ada},
		{"/admin/public", session(eve), 200, eve},
		{"/admin/public", []string{"Authorization", "Bearer garbage"}, 200, none},
		{"/admin/invites/accept", bearer(newUser), 200, newUser},
		{"/admin/invites/accept", bearer(bob), 401, none},
		{"/admin/bearer", bearer(eve), 200, eve},
		{"/admin/bearer", session(eve), 403, none},
		{"/admin/bearer", session(ada), 401, none},
		{"/admin/bearer", nil, 401, none},
		{"/admin/session", session(eve), 200, eve},
		{"/admin/session", bearer(eve), 403, none},
		{"/admin/session", slices.Concat(bearer(eve), session(eve)), 200, eve},
		{"/both", bearer(ada), 200, ada},
		{"/both", session(eve), 200, eve},
		{"/both", bearer(bob), 401, none},
		{"/new", bearer(bob), 200, bob},
		{"/new", session(bob), 200, bob},
		{"/new", bearer(eve), 401, none},
		{"/reports", bearer(ada), 401, none},
		{"/exports/x", nil, 401, none},
		{"/exports/x", bearer(eve), 200, eve},
		// API keys are the backend's to judge, where the rule lets them.
		{"/admin/keys", basic, 200, none},
		{"/admin/keys", []string{"Authorization", "basic c2tfMTo="}, 200, none},
		{"/admin/keys", []string{"Authorization", "Basic"}, 401, none},
		{"/admin/keys", []string{"Authorization", "Digest x"}, 401, none},
		{"/admin/keys", slices.Concat(basic, basic), 401, none},
		{"/admin/keys", bearer(eve), 200, eve},
		{"/admin/keys", nil, 401, none},
		{"/admin/keys", slices.Concat(basic, session(ada)), 200, none}, // the session of a customer does not count there
		{"/admin/keys", slices.Concat(basic, session(eve)), 200, eve},
		{"/admin/only-keys", basic, 200, none},
		{"/admin/only-keys", bearer(eve), 403, none},
		{"/admin/x", basic, 401, none},
	})
	t.Run("an API key passes untouched", func(t *testing.T) {
		if got := s.send(t, "GET", "/admin/keys", "", basic...).seen(t); got.Header.Get("Authorization") != "Basic c2tfMTo=" {
			t.Errorf("the backend saw %v", got.Header)
		}
	})
}

// Nested blocks have rules of their own, which apply in addition; so do named
// routes.
func TestRequireInNestedBlocks(t *testing.T) {
	s := open(t, config{
		Site: `auth_sidecar
auth_require * * {
	allow_unregistered
	optional
}
handle /admin* {
	auth_require user
	auth_require /admin/free * {
		allow_unregistered
	}
	reverse_proxy {backend}
}
handle /outer* {
	auth_require customer
	handle /outer/inner* {
		auth_require user customer {
			methods bearer
		}
		reverse_proxy {backend}
	}
	reverse_proxy {backend}
}
route /ordered* {
	auth_require /ordered/first * {
		optional
	}
	auth_require user
	reverse_proxy {backend}
}
handle /named* {
	invoke staff
}
reverse_proxy {backend}`,
		Routes: "&(staff) {\nauth_require /named* user\nauth_require /named/free *\nreverse_proxy {backend}\n}",
	})
	ada := s.join(t, "customer", "ada@example.com")
	bob := s.register(t, "customer", "bob@example.com")
	none := person{}
	s.expect(t, []expectation{
		{"/", nil, 200, none},
		{"/", bearer(bob), 200, bob},
		{"/admin", bearer(ada), 401, none},
		{"/admin/free", bearer(bob), 200, bob},
		{"/admin/free", nil, 401, none},
		{"/outer", session(ada), 200, ada},
		{"/outer", nil, 401, none},
		{"/outer/inner", session(ada), 403, none},
		{"/outer/inner", bearer(ada), 200, ada},
		{"/outer/inner", bearer(bob), 401, none},
		{"/ordered/first", nil, 200, none},
		{"/ordered/second", nil, 401, none},
		{"/ordered/second", bearer(ada), 401, none},
		{"/named", bearer(ada), 401, none},
		{"/named", nil, 401, none},
		{"/named/free", bearer(ada), 200, ada},
	})
}

// Where the handler that verifies did not run, a rule refuses everything (attack
// B7). One that cannot have run at all is found when the sites are loaded.
func TestRequireWithoutSidecar(t *testing.T) {
	for name, site := range map[string]string{
		"for another path":  "auth_sidecar /store/*\nauth_require *\nreverse_proxy {backend}",
		"optional as well":  "auth_sidecar /store/*\nauth_require * {\noptional\n}\nreverse_proxy {backend}",
		"in another handle": "route {\nroute /store/* {\nauth_sidecar\n}\nauth_require user\nreverse_proxy {backend}\n}",
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, config{Site: site})
			for _, header := range [][]string{nil, {"Authorization", "Bearer x"}, {"X-Auth-Actor-Id", "user_1", "X-Auth-Actor-Type", "user"}} {
				if r := s.send(t, "GET", "/admin", "", header...); r.StatusCode != http.StatusInternalServerError || r.Header.Get("Echo") != "" {
					t.Errorf("got %d %s", r.StatusCode, r.body)
				}
			}
			if !strings.Contains(s.log(), "auth_require needs the directive auth_sidecar") {
				t.Error("the log does not say why")
			}
		})
	}
}

// One browser is logged in as a customer and as a user: each path gets the right
// one, and a rule decides where nothing else does.
func TestTwoLoginsInOneBrowser(t *testing.T) {
	s := open(t, config{Site: "auth_sidecar\nauth_require /admin* user\nauth_require /store* customer\nauth_require /staff user\nauth_require /shop customer\n" + mayJoin + "reverse_proxy {backend}"})
	ada, eve := s.join(t, "customer", "ada@example.com"), s.join(t, "user", "eve@example.com")
	cookie := s.logIn(t, eve, s.logIn(t, ada, ""))
	both := []string{"Cookie", cookie}
	s.expect(t, []expectation{
		{"/admin/x", both, 200, eve},
		{"/store/x", both, 200, ada},
		{"/staff", both, 200, eve},
		{"/shop", both, 200, ada},
		{"/elsewhere", both, 200, eve}, // the latest log-in
	})
	// What the backend gets as a token is the same person as in the headers.
	got := s.send(t, "GET", "/shop", "", both...).seen(t)
	if claims := verified(t, strings.TrimPrefix(got.Header.Get("Authorization"), "Bearer ")); claims["actor_id"] != ada.actorID || claims["actor_type"] != "customer" {
		t.Errorf("the token is %v", claims)
	}
	if len(got.Header["Authorization"]) != 1 {
		t.Errorf("the backend saw %q", got.Header["Authorization"])
	}
	// Log-out ends both.
	if r := s.send(t, "DELETE", "/auth/session", "", both...); r.StatusCode != http.StatusOK {
		t.Fatalf("log-out: %d %s", r.StatusCode, r.body)
	}
	s.expect(t, []expectation{{"/admin/x", both, 401, person{}}, {"/store/x", both, 401, person{}}})
}
