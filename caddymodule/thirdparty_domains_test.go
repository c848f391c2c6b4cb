package caddymodule_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

const refusedDomain = `{"type":"unauthorized","message":"Authentication failed"}`

// oddAddresses are none of shop.example's (attack D13).
var oddAddresses = map[string]string{
	"another":        "eve@example.com",
	"two @":          "a@evil@shop.example",
	"quoted":         `"a@evil.example"@shop.example`,
	"comment":        "eve@evil.example(@shop.example)",
	"comment before": "(x)eve@shop.example",
	"trailing dot":   "eve@shop.example.",
	"display name":   "Eve <eve@shop.example>",
	"subdomain":      "eve@mail.shop.example",
	"suffix":         "eve@myshop.example",
	"prefix":         "eve@shop.example.evil.example",
	"look-alike":     "eve@ѕhop.example",
	"full width":     "eve@ｓhop.example",
}

// Only people of the domains log in, whatever the address looks like, and the
// log says why without it (attack D13).
func TestThirdPartyEmailDomains(t *testing.T) {
	p := newThirdParties(t, "timeout 30s\nemail_domains shop.example\nemail_domains Bücher.example")
	s := p.open(t)
	says := func(email string, verified bool) {
		claims := func(c map[string]any) { c["email"], c["email_verified"], c["hd"] = email, verified, "shop.example" }
		p.people.Misbehave(demoidp.Faults{Claims: claims})
		p.staff.Misbehave(demoidp.Faults{Claims: claims})
		emails, err := json.Marshal([]map[string]any{
			{"email": "second@shop.example", "verified": true}, {"email": email, "primary": true, "verified": verified},
		})
		if err != nil {
			t.Fatal(err)
		}
		p.hub.Emails = string(emails)
	}
	for _, route := range []string{"user/staff", "customer/people", "customer/google", "customer/github"} {
		comes := func(t *testing.T) response {
			b := s.begin(t, route, "")
			return s.comeBack(t, "GET", route, s.visit(t, b, "ada@example.com"), "Cookie", b.cookie)
		}
		for name, email := range oddAddresses {
			t.Run(route+", "+name, func(t *testing.T) {
				says(email, true)
				comes(t).want(t, http.StatusUnauthorized, refusedDomain)
				if strings.Contains(s.log(), "eve@") || strings.Contains(s.log(), "evil") {
					t.Error("the address is in the log")
				}
			})
		}
		t.Run(route+", not verified", func(t *testing.T) {
			says("ada@shop.example", false)
			if r := comes(t); r.StatusCode != http.StatusUnauthorized {
				t.Errorf("%d %s", r.StatusCode, r.body)
			}
		})
		for _, email := range []string{"Ada@Shop.Example", "ada@xn--bcher-kva.example"} {
			t.Run(route+", "+email, func(t *testing.T) {
				says(email, true)
				if r := comes(t); r.StatusCode != http.StatusOK {
					t.Errorf("%d %s", r.StatusCode, r.body)
				}
			})
		}
	}
	if !strings.Contains(s.log(), `"reason":"email_domain"`) {
		t.Error("the log does not say why")
	}
	// An account of another domain is not linked, either.
	ada := s.join(t, "customer", "ada@example.com")
	ada.take(t, s.send(t, "POST", "/auth/customer/emailpass", logInBody(ada.email)))
	says("eve@example.com", true)
	b := s.begin(t, "customer/people", `{"link":true}`, "Authorization", ada.bearer)
	s.comeBack(t, "GET", "customer/people", s.visit(t, b, "eve@example.com"), "Cookie", b.cookie, "Authorization", ada.bearer).
		want(t, http.StatusUnauthorized, refusedDomain)
}

// Strangers with a verified address at Google or GitHub become no admins of a
// Medusa; staff do.
func TestMedusaStaffByProvider(t *testing.T) {
	p := newThirdParties(t, "timeout 30s\nemail_domains shop.example")
	t.Setenv("TEST_CLIENT_SECRET", clientSecret)
	m := identitytest.NewMedusa(t, jwtSecret)
	realm := strings.Replace(p.realm, "actor user emailpass staff", "actor user emailpass staff google github", 1)
	s := open(t, config{Realm: realm, Site: medusaSite(m, "")})
	for _, provider := range []string{"google", "github", "staff"} {
		t.Run(provider, func(t *testing.T) {
			route, email := "user/"+provider, provider+"@shop.example"
			b := s.begin(t, route, "")
			p.hub.Emails = `[{"email":"eve@evil.example","primary":true,"verified":true}]`
			s.comeBack(t, "GET", route, s.visit(t, b, "eve@evil.example"), "Cookie", b.cookie).
				want(t, http.StatusUnauthorized, refusedDomain)
			asked := m.Calls("POST /auth/emailpass/user")
			p.hub.Emails = `[{"email":"` + email + `","primary":true,"verified":true}]`
			came := s.signIn(t, route, email)
			if r := s.send(t, "POST", "/auth/"+provider+"/user", "{}", "Authorization", came.bearer); r.StatusCode != http.StatusOK || !strings.Contains(r.body, email) {
				t.Errorf("%d %s", r.StatusCode, r.body)
			}
			if n := m.Calls("POST /auth/emailpass/user") - asked; n != 1 {
				t.Errorf("Medusa was asked %d times", n)
			}
		})
	}
}
