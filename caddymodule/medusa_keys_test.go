package caddymodule_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

const (
	secretKey = "sk_0f0f0f0f0f0f0f0f"
	keyHint   = `{"message":"A secret API key was passed as a Bearer token. Secret API keys must be sent using HTTP Basic authentication instead (Authorization: Basic <secret-api-key>)."}`
)

// openKeys starts a shop whose requests go to the echo backend, with or without a
// Medusa that the sidecar asks.
func openKeys(t *testing.T, medusa bool, options, rules string) *shop {
	t.Helper()
	if medusa {
		options += "\nbackend medusa " + identitytest.NewMedusa(t, jwtSecret).Server.URL
	}
	return open(t, config{Site: "auth_sidecar {\n" + options + "\n}\n" + rules + "\nreverse_proxy {backend}"})
}

// Keys and webhooks are the backend's to judge: what they bring reaches it byte
// by byte, and other bearers that prove nobody do not.
func TestKeysPassUntouched(t *testing.T) {
	const authorization = "Authorization"
	for name, medusa := range map[string]bool{"with medusa": true, "without": false} {
		for _, invalid := range []string{"ignore", "reject"} {
			t.Run(name+", "+invalid, func(t *testing.T) {
				s := openKeys(t, medusa, "invalid_credentials "+invalid, "")
				for _, target := range []string{"/store/products", "/admin/products", "/app", "/app/login", "/health", "/static/a.png", "/hooks/payment/x", "/cloud/auth"} {
					for _, header := range [][]string{
						nil, {authorization, "Basic " + secretKey}, {authorization, "Basic c2tfMTo="}, {authorization, "basic  x"},
					} {
						got := s.send(t, "GET", target, "", slices.Concat(header, []string{"X-Publishable-Api-Key", "pk_1"})...).seen(t)
						if got.Header.Get("X-Publishable-Api-Key") != "pk_1" || got.Header.Get(authorization) != strings.Join(header[min(1, len(header)):], "") {
							t.Errorf("%s %q: the backend saw %v", target, header, got.Header)
						}
					}
				}
				for _, c := range []struct {
					target, value string
					passes        bool // to a Medusa
				}{
					{"/admin/products", "Bearer " + secretKey, true},
					{"/ADMIN", "bearer " + secretKey, true},
					{"/hooks/payment/x", "Bearer whsec-of_a/provider==", true},
					{"/store/products", "Bearer " + secretKey, false},
					{"/hooksx", "Bearer opaque", false},
					{"/admin/products", "Bearer opaque", false},
					{"/admin/products", "Bearer " + secretKey + " a.b.c", false},
					{"/admin/products", "Bearer sk_a.b.c", false},
					{"/admin/products", "Bearer sk_a\xa0b", false},
					{"/hooks/payment/x", "Bearer a.b.c", false},
					{"/hooks/payment/x", "Bearer a\tb", false},
					{"/hooks/payment/x", "Bearer  x", false},
				} {
					r := s.send(t, "GET", c.target, "", authorization, c.value)
					switch {
					case c.passes && medusa:
						if got := r.seen(t).Header[authorization]; !slices.Equal(got, []string{c.value}) {
							t.Errorf("%s %q: the backend saw %q", c.target, c.value, got)
						}
					case invalid == "reject":
						r.want(t, http.StatusUnauthorized, unauthorized)
					default:
						if got := r.seen(t).Header[authorization]; got != nil {
							t.Errorf("%s %q: the backend saw %q", c.target, c.value, got)
						}
					}
				}
			})
		}
	}
}

// Where a rule takes keys, one that was sent as a bearer is answered as Medusa
// answers it, in the log as well; elsewhere it is a bearer like others.
func TestRulesAndKeys(t *testing.T) {
	const rules = `auth_require /admin* user
auth_require /store* customer
auth_require /bots* * {
	methods api_key
}`
	asBasic, asBearer := []string{"Authorization", "Basic " + secretKey}, []string{"Authorization", "Bearer " + secretKey}
	for name, medusa := range map[string]bool{"with medusa": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			s := openKeys(t, medusa, "", rules)
			for target, taken := range map[string]bool{"/admin/products": medusa, "/store/customers/me": false, "/bots/x": true} {
				if r := s.send(t, "GET", target, "", asBasic...); taken {
					if got := r.seen(t).Header["Authorization"]; !slices.Equal(got, asBasic[1:]) {
						t.Errorf("%s: the backend saw %q", target, got)
					}
				} else {
					r.want(t, http.StatusUnauthorized, unauthorized)
				}
				want := unauthorized
				if taken {
					want = keyHint
				}
				s.send(t, "GET", target, "", asBearer...).want(t, http.StatusUnauthorized, want)
				s.send(t, "GET", target, "", "Authorization", "Bearer opaque").want(t, http.StatusUnauthorized, unauthorized)
				s.send(t, "GET", target, "", "X-Publishable-Api-Key", "pk_1").want(t, http.StatusUnauthorized, unauthorized)
			}
			if !strings.Contains(s.log(), `"reason":"api_key_as_bearer"`) || strings.Contains(s.log(), secretKey) {
				t.Error("the log does not say why, or has the key")
			}
		})
	}
}
