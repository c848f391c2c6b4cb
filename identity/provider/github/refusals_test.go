package github_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/github"
)

func answering(path string, status int, body string) func(string, http.ResponseWriter, *http.Request) bool {
	return func(asked string, w http.ResponseWriter, _ *http.Request) bool {
		if asked == path {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
		return asked == path
	}
}

// What GitHub refuses, it refuses with 200. (attacks.md D7)
func TestCodeRefused(t *testing.T) {
	t.Parallel()
	g := identitytest.NewGitHub(t)
	p := newProvider(t, config(g))
	wrong := config(g)
	wrong.ClientSecret = identity.NewSecret("another")
	verifier, address := newAttempt(), newAttempt()
	verifier.Verifier = identity.NewSecret(strings.Repeat("w", 43))
	address.CallbackURL += "/other"
	used := visit(t, p)
	if _, err := p.Profile(t.Context(), used, newAttempt()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, code string
		p          *github.Provider
		a          identity.Attempt
		reason     string
	}{
		{"unknown code", "unknown", p, newAttempt(), "code_refused"},
		{"code twice", used, p, newAttempt(), "code_refused"},
		{"another verifier", visit(t, p), p, verifier, "code_refused"},
		{"another address", visit(t, p), p, address, "client_refused"},
		{"another secret", visit(t, p), newProvider(t, wrong), newAttempt(), "client_refused"},
	} {
		_, err := test.p.Profile(t.Context(), test.code, test.a)
		if identity.CodeOf(err) != identity.CodeUnauthorized || identity.ReasonOf(err) != test.reason ||
			!strings.HasPrefix(err.Error(), "Could not exchange token, 400, Bad Request") {
			t.Errorf("%s: %s, %v", test.name, identity.ReasonOf(err), err)
		}
	}
}

// (attacks.md D14)
func TestUnusableAnswers(t *testing.T) {
	t.Parallel()
	g := identitytest.NewGitHub(t)
	p := newProvider(t, config(g))
	for _, test := range []struct {
		name, path string
		status     int
		body       string
		reason     string
	}{
		{"token 500", "/login/oauth/access_token", 500, "", "provider_failed"},
		{"token redirect", "/login/oauth/access_token", 302, "", "provider_redirects"},
		{"token HTML", "/login/oauth/access_token", 200, "<html>", "provider_answer_unusable"},
		{"token empty", "/login/oauth/access_token", 200, `{"token_type":"bearer"}`, "provider_answer_unusable"},
		{"user 500", "/user", 500, "", "provider_failed"},
		{"user 401", "/user", 401, "", "provider_answer_unusable"},
		{"user redirect", "/user", 301, "", "provider_redirects"},
		{"user without id", "/user", 200, `{}`, "provider_answer_unusable"},
		{"id as a text", "/user", 200, `{"id":"1"}`, "provider_answer_unusable"},
		{"id as a fraction", "/user", 200, `{"id":1.5}`, "provider_answer_unusable"},
		{"id with an exponent", "/user", 200, `{"id":1e3}`, "provider_answer_unusable"},
		{"id 0", "/user", 200, `{"id":0}`, "provider_answer_unusable"},
		{"negative id", "/user", 200, `{"id":-1}`, "provider_answer_unusable"},
		{"endless id", "/user", 200, `{"id":` + strings.Repeat("1", 99) + `}`, "provider_answer_unusable"},
		{"null user", "/user", 200, `null`, "provider_answer_unusable"},
		{"emails 500", "/user/emails", 500, "", "provider_failed"},
		{"emails 401", "/user/emails", 401, "", "provider_answer_unusable"},
		{"emails object", "/user/emails", 200, `{}`, "provider_answer_unusable"},
		{"emails long", "/user/emails", 200, `["` + strings.Repeat("a", 2<<20) + `"]`, "provider_answer_unusable"},
	} {
		g.Answer = nil
		code := visit(t, p)
		g.Answer = answering(test.path, test.status, test.body)
		profile, err := p.Profile(t.Context(), code, newAttempt())
		if identity.CodeOf(err) != identity.CodeUnavailable || identity.ReasonOf(err) != test.reason || profile.Subject != "" {
			t.Errorf("%s: %s, %v, want %s", test.name, identity.ReasonOf(err), err, test.reason)
		}
	}
}

// Of a person's addresses only the primary one counts, if it is verified: any
// other can be added for a day. (attacks.md D9, D13)
func TestEmailDomains(t *testing.T) {
	t.Parallel()
	g := identitytest.NewGitHub(t)
	c := config(g)
	c.EmailDomains = []string{"shop.example"}
	p := newProvider(t, c)
	for name, test := range map[string]struct {
		emails string
		in     bool
	}{
		"of the domain":        {`[{"email":"Ann@Shop.Example","primary":true,"verified":true}]`, true},
		"primary among others": {`[{"email":"a@x.example","verified":true},{"email":"ann@shop.example","primary":true,"verified":true}]`, true},
		"another":              {`[{"email":"a@x.example","primary":true,"verified":true}]`, false},
		"not primary":          {`[{"email":"a@x.example","primary":true,"verified":true},{"email":"ann@shop.example","verified":true}]`, false},
		"not verified":         {`[{"email":"ann@shop.example","primary":true,"verified":false}]`, false},
		"two @":                {`[{"email":"a@evil@shop.example","primary":true,"verified":true}]`, false},
		"quoted":               {`[{"email":"\"a@evil.example\"@shop.example","primary":true,"verified":true}]`, false},
		"subdomain":            {`[{"email":"ann@mail.shop.example","primary":true,"verified":true}]`, false},
		"look-alike":           {`[{"email":"ann@ｓhop.example","primary":true,"verified":true}]`, false},
		"none":                 {`[]`, false},
	} {
		g.Emails = test.emails
		profile, err := p.Profile(t.Context(), visit(t, p), newAttempt())
		refused := identity.CodeOf(err) == identity.CodeUnauthorized && identity.ReasonOf(err) == "email_domain" && profile.Subject == ""
		if test.in && (err != nil || profile.Subject == "") || !test.in && !refused {
			t.Errorf("%s: %+v, %v", name, profile, err)
		}
	}
	// An app that may not see the addresses lets nobody in: unknown is not yes.
	g.Answer = func(path string, w http.ResponseWriter, _ *http.Request) bool {
		if path == "/user/emails" {
			w.WriteHeader(http.StatusForbidden)
		}
		return path == "/user/emails"
	}
	if _, err := p.Profile(t.Context(), visit(t, p), newAttempt()); identity.ReasonOf(err) != "email_domain" {
		t.Errorf("without permission: %v", err)
	}
}
