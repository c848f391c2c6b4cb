package medusa_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusa"
)

// Two registrations of one shadow at once: Medusa refuses one in the words of its
// database. The shadow is there then, unless logging in says otherwise.
func TestShadowRegisteredTwiceAtOnce(t *testing.T) {
	t.Parallel()
	const (
		mine  = `{"token":"a.eyJhdXRoX2lkZW50aXR5X2lkIjoiYXV0aGlkXzEifQ.c"}`                                                     // authid_1
		actor = `{"token":"a.eyJhdXRoX2lkZW50aXR5X2lkIjoiYXV0aGlkXzEiLCJhcHBfbWV0YWRhdGEiOnsiY3VzdG9tZXJfaWQiOiJjdXNfMSJ9fQ.c"}` // and cus_1
		no    = `{"type":"unauthorized","message":"Invalid email or password"}`
		other = `{"type":"unauthorized","message":"Provider identity with entity_id: jane@example.com, provider: emailpass, already exists."}`
	)
	for name, c := range map[string]struct {
		status int // of the log-in
		login  string
		kind   medusa.Shadow
		id     string
		want   func(error) bool
	}{
		"it is ours":               {200, mine, medusa.Mirror, "authid_1", func(err error) bool { return err == nil }},
		"a random one":             {200, mine, medusa.Random, "authid_1", func(err error) bool { return err == nil }},
		"it is somebody already":   {200, actor, medusa.Mirror, "authid_1", func(err error) bool { return err == nil }},
		"a random one of an actor": {200, actor, medusa.Random, "authid_1", func(err error) bool { return err == nil }},
		"it is not ours":           {401, no, medusa.Mirror, "", unknown},
		"it waits for a factor":    {200, `{"mfa_required":true}`, medusa.Mirror, "", unknown},
		"nobody may log in":        {401, other, medusa.Mirror, "", unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/register") {
					write(w, http.StatusUnauthorized, other)
					return
				}
				write(w, c.status, c.login)
			}))
			t.Cleanup(server.Close)
			b := newBackend(t, server.URL, func(config *medusa.Config) { config.Shadow, config.Timeout = c.kind, time.Minute })
			account, err := b.Shadow(t.Context(), "customer", entry("jane@example.com"))
			if account.ID != c.id || !c.want(err) || err != nil && strings.Contains(err.Error(), "jane") {
				t.Errorf("got %q, %v", account.ID, err)
			}
		})
	}
}

// unknown: nobody can say whether there is a shadow.
func unknown(err error) bool { return identity.CodeOf(err) == identity.CodeUnavailable }
