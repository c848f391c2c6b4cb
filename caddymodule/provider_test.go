package caddymodule_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

const (
	authentication = `{"handler":"authentication","providers":{"auth_sidecar":{"cors":["https://shop.example.com"]}}}`
	// The routes are another handler's.
	providerSite = `route {
	auth_sidecar /auth/*
	auth_sidecar /store/customers
	auth_sidecar /admin/invites/accept
	@rest not path /auth/* /store/customers /admin/invites/accept
	route @rest {
		vars json here
		request_header X-Caller "{http.auth.user.id}|{http.auth.user.actor_id}|{http.auth.user.actor_type}|{http.auth.user.provider}|{http.auth.user.method}"
	}
	reverse_proxy {backend}
}`
)

// Caddy's own authentication handler knows the same people, in its own way.
func TestProvider(t *testing.T) {
	s := open(t, config{Site: providerSite, JSON: authentication})
	ada, eve := s.join(t, "customer", "ada@example.com"), s.join(t, "user", "eve@example.com")
	both := []string{"Cookie", s.logIn(t, eve, ada.cookie)}
	cross := []string{"Origin", "https://evil.example.com", "Sec-Fetch-Site", "cross-site"}
	listed := []string{"Origin", "https://shop.example.com", "Sec-Fetch-Site", "cross-site"}
	for name, c := range map[string]struct {
		method, target string
		header         []string
		as             person // nobody: 401
		by             string
	}{
		"bearer":                             {"GET", "/x", bearer(ada), ada, "bearer"},
		"session":                            {"GET", "/store/x", both, ada, "session"},
		"session of another actor type":      {"GET", "/admin/x", both, eve, "session"},
		"session and bearer":                 {"GET", "/store/x", slices.Concat(both, bearer(eve)), ada, "session"},
		"nobody":                             {"GET", "/x", nil, person{}, ""},
		"forged":                             {"GET", "/x", []string{"Authorization", "Bearer x"}, person{}, ""},
		"only a session that does not fit":   {"GET", "/admin/x", session(ada), person{}, ""},
		"Basic":                              {"GET", "/x", basic, person{}, ""},
		"session from another site":          {"POST", "/store/x", slices.Concat(both, cross), person{}, ""},
		"session from a listed origin":       {"POST", "/store/x", slices.Concat(both, listed), ada, "session"},
		"bearer from another site":           {"POST", "/store/x", slices.Concat(bearer(ada), cross), ada, "bearer"},
		"session and bearer of another site": {"POST", "/store/x", slices.Concat(both, bearer(ada), cross), ada, "bearer"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.send(t, c.method, c.target, "", c.header...)
			if c.by == "" {
				r.want(t, http.StatusUnauthorized, "")
				return
			}
			want := strings.Join([]string{c.as.identityID, c.as.actorID, c.as.actorType, "emailpass", c.by}, "|")
			if got := r.seen(t).Header.Get("X-Caller"); got != want {
				t.Errorf("the placeholders are %s, want %s", got, want)
			}
		})
	}
}

// When the store cannot be asked the provider says so itself.
func TestProviderWithoutStore(t *testing.T) {
	server := identitytest.StartRedis(t)
	s := open(t, config{Redis: server.URL() + " {\ntimeout 200ms\n}", Realm: "revocation strict", Site: providerSite, JSON: authentication})
	ada := s.join(t, "customer", "ada@example.com")
	server.Kill()
	for _, credential := range [][]string{bearer(ada), session(ada)} {
		s.send(t, "GET", "/store/x", "", credential...).wantUnavailable(t)
	}
	s.send(t, "GET", "/store/x", "").want(t, http.StatusUnauthorized, "")
	if got := s.requests(); slices.ContainsFunc(got, func(r seen) bool { return r.Target == "/store/x" }) {
		t.Errorf("the backend got %v", got)
	}
	server.Restart() // empty: now she is unknown
	eventually(t, "the store is asked again", func() bool {
		r := s.send(t, "GET", "/store/x", "", bearer(ada)...)
		if r.StatusCode == http.StatusServiceUnavailable {
			return false
		}
		r.want(t, http.StatusUnauthorized, "")
		return true
	})
}

// Behind the handler of the same realm the provider sees what that forwards.
func TestProviderBehindTheHandler(t *testing.T) {
	s := open(t, config{
		Site: "route {\nauth_sidecar\n@rest not path /store/customers\nroute @rest {\nvars json here\n}\nreverse_proxy {backend}\n}",
		JSON: `{"handler":"authentication","providers":{"auth_sidecar":{}}}`,
	})
	ada := s.join(t, "customer", "ada@example.com")
	for _, credential := range [][]string{bearer(ada), session(ada)} {
		wantIdentity(t, s.send(t, "GET", "/store/x", "", credential...).seen(t), ada.identity())
	}
	s.send(t, "GET", "/store/x", "", "Authorization", "Bearer x").want(t, http.StatusUnauthorized, "")
}

// A realm that does not exist, and an origin that cannot be, are errors.
func TestProviderProvision(t *testing.T) {
	s := open(t, config{})
	for provider, want := range map[string]string{
		`{"realm":"shop2"}`: `there is no auth_sidecar realm "shop2"`,
		`{"cors":["*"]}`:    `cors: origin "*"`,
		`{"cros":["x"]}`:    `unknown field "cros"`,
	} {
		err := s.load(config{Site: providerSite, JSON: `{"handler":"authentication","providers":{"auth_sidecar":` + provider + `}}`})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", provider, err, want)
		}
	}
}
