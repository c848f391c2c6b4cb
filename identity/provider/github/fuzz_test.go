package github_test

import (
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// No answer of the API makes the subject anything but a number.
func FuzzAPI(f *testing.F) {
	g := identitytest.NewGitHub(f)
	p := newProvider(f, config(g))
	f.Add(g.User, g.Emails)
	f.Add(`{"id":"1"}`, `null`)
	f.Add(`{"id":1e3}`, `[{"email":"a@b@c","primary":true,"verified":true}]`)
	f.Fuzz(func(t *testing.T, user, emails string) {
		g.User, g.Emails = user, emails
		profile, err := p.Profile(t.Context(), visit(t, p), newAttempt())
		if err != nil {
			if identity.CodeOf(err) != identity.CodeUnavailable {
				t.Fatal(err)
			}
			return
		}
		if strings.Trim(profile.Subject, "0123456789") != "" || profile.Subject == "" || strings.Count(profile.VerifiedEmail, "@") > 1 {
			t.Fatalf("%+v", profile)
		}
	})
}
