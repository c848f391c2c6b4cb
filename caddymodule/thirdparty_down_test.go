package caddymodule_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

// A provider that lies proves nobody (attack D7, D8, D9); one that is down, slow,
// redirects or answers nonsense is 503 in time, and the person can try again
// with what the browser brought (attack D14).
func TestThirdPartyMisbehaves(t *testing.T) {
	p := newThirdParties(t, "")
	s := p.open(t)
	claim := func(name string, value any) demoidp.Faults {
		return demoidp.Faults{Claims: func(c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}}
	}
	answering := func(answer func(w http.ResponseWriter, r *http.Request)) demoidp.Faults {
		return demoidp.Faults{Answer: func(e demoidp.Endpoint, w http.ResponseWriter, r *http.Request) bool {
			if e == demoidp.Token {
				answer(w, r)
			}
			return e == demoidp.Token
		}}
	}
	now := time.Now()
	for name, c := range map[string]struct {
		faults demoidp.Faults
		status int
		google string // its message, "" for the generic one
	}{
		"issuer":          {claim("iss", "https://evil.example"), 401, ""},
		"issuer missing":  {claim("iss", nil), 401, ""},
		"audience":        {claim("aud", "another-client"), 401, "Could not verify Google id_token: jwt audience invalid. expected: people-client"},
		"azp":             {claim("azp", "another-client"), 401, ""},
		"nonce":           {claim("nonce", "of another attempt"), 401, ""},
		"nonce missing":   {claim("nonce", nil), 401, ""},
		"expired":         {claim("exp", now.Add(-time.Hour).Unix()), 401, "Could not verify Google id_token: jwt expired"},
		"of the future":   {claim("iat", now.Add(time.Hour).Unix()), 401, ""},
		"without subject": {claim("sub", nil), 401, "id_token is missing 'sub' claim"},
		"unsigned":        {demoidp.Faults{Signing: demoidp.Unsigned}, 401, ""},
		"with public key": {demoidp.Faults{Signing: demoidp.WithPublicKey}, 401, ""},
		"with other key":  {demoidp.Faults{Signing: demoidp.WithOtherKey}, 401, ""},
		"down":            {answering(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }), 503, ""},
		"redirects": {answering(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusTemporaryRedirect)
		}), 503, ""},
		"nonsense": {answering(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>") }), 503, ""},
		"endless": {answering(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for range 64 {
				if _, err := fmt.Fprint(w, `{"a":"`+strings.Repeat("a", 1<<16)); err != nil {
					return
				}
			}
		}), 503, ""},
	} {
		for _, provider := range []string{"people", "google"} {
			t.Run(name+", "+provider, func(t *testing.T) {
				route := "customer/" + provider
				b := s.begin(t, route, "")
				query := s.visit(t, b, "ada@example.com")
				p.people.Misbehave(c.faults)
				r := s.comeBack(t, "GET", route, query, "Cookie", b.cookie)
				p.people.Misbehave(demoidp.Faults{})
				if c.status == http.StatusServiceUnavailable {
					r.wantUnavailable(t)
					// The code is as good as it was, for the provider never took it.
					if r := s.comeBack(t, "GET", route, query, "Cookie", b.cookie); r.StatusCode != http.StatusOK {
						t.Errorf("again: %d %s", r.StatusCode, r.body)
					}
					return
				}
				want := `"message":"Authentication failed"`
				if provider == "google" {
					want = `"message":"` + c.google
				}
				if r.StatusCode != c.status || !strings.Contains(r.body, want) {
					t.Errorf("%d %s", r.StatusCode, r.body)
				}
				// It was used up.
				s.comeBack(t, "GET", route, query, "Cookie", b.cookie).want(t, http.StatusUnauthorized, refusedState)
			})
		}
	}
	t.Run("unverified address, google", func(t *testing.T) {
		b := s.begin(t, "customer/google", "")
		query := s.visit(t, b, "ada@example.com")
		p.people.Misbehave(claim("email_verified", false))
		defer p.people.Misbehave(demoidp.Faults{})
		s.comeBack(t, "GET", "customer/google", query, "Cookie", b.cookie).
			want(t, http.StatusUnauthorized, `{"type":"unauthorized","message":"Email not verified, cannot proceed with authentication"}`)
	})
	t.Run("the code of another attempt", func(t *testing.T) {
		one, two := s.begin(t, "customer/people", ""), s.begin(t, "customer/people", "")
		query := s.visit(t, one, "ada@example.com")
		query.Set("code", s.visit(t, two, "eve@example.com").Get("code")) // other verifier and nonce (D7)
		s.comeBack(t, "GET", "customer/people", query, "Cookie", one.cookie).
			want(t, http.StatusUnauthorized, `{"type":"unauthorized","message":"Could not exchange token, 400, Bad Request"}`)
	})
}

// A provider that does not answer is 503 when the time is over, and what the
// browser brought is good afterwards (attack D14).
func TestThirdPartySlow(t *testing.T) {
	p := newThirdParties(t, "timeout 1s")
	s := p.open(t)
	eventually(t, "the provider is known", func() bool { // a busy machine is slow, too
		return s.send(t, "POST", "/auth/customer/people", "").StatusCode == http.StatusOK
	})
	b := s.begin(t, "customer/people", "")
	query := s.visit(t, b, "ada@example.com")
	p.people.Misbehave(demoidp.Faults{Answer: func(e demoidp.Endpoint, _ http.ResponseWriter, r *http.Request) bool {
		if e != demoidp.Token {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the client went away
		<-r.Context().Done()
		return true
	}})
	s.comeBack(t, "GET", "customer/people", query, "Cookie", b.cookie).wantUnavailable(t)
	p.people.Misbehave(demoidp.Faults{})
	eventually(t, "what the browser brought is good enough", func() bool {
		return s.comeBack(t, "GET", "customer/people", query, "Cookie", b.cookie).StatusCode == http.StatusOK
	})
}

// Redis is asked before the provider is; while it is down nobody is told no.
func TestThirdPartyWithoutStore(t *testing.T) {
	p := newThirdParties(t, "")
	t.Setenv("TEST_CLIENT_SECRET", clientSecret)
	s := open(t, config{Realm: p.realm, Redis: "redis://127.0.0.1:1"})
	s.send(t, "POST", "/auth/customer/people", "").wantUnavailable(t)
	s.send(t, "GET", "/auth/customer/people/callback?code=a&state="+strings.Repeat("0", 64), "").wantUnavailable(t)
	s.send(t, "DELETE", "/auth/customer/people", "", "Authorization", "Bearer x").want(t, http.StatusUnauthorized, unauthorized)
}
