//go:build unix && medusa

package medusa

import (
	"net/http"
	"testing"
)

// Medusa tells addresses apart by case, the sidecar does not. Whoever registers
// another spelling of an address that Medusa has locks nobody out, neither from
// logging in nor from a new password, and nobody gets into the other's account.
func testSpelling(t *testing.T, backend *medusa) {
	for name, test := range map[string]struct {
		had, registered string
		taken           bool
	}{
		"another of the plain one": {"alice@spelling.example.com", "ALICE@spelling.example.com", true},
		"the plain of another":     {"Bob@spelling.example.com", "bob@spelling.example.com", false},
	} {
		for _, first := range []string{"login", "mail"} {
			t.Run(name+", "+first, func(t *testing.T) {
				t.Parallel()
				had, registered := "by."+first+"."+test.had, "by."+first+"."+test.registered
				s := newShop(t, backend, backend.Addr())
				c := s.caller()
				id := backend.customer(t, had)
				const theirs = "the password of somebody else"
				a := c.Do(t, http.MethodPost, registerPath, "", credentials(registered, theirs))
				another := ""
				if test.taken {
					needTaken(t, a)
				} else {
					token := a.Need(t, http.StatusOK).Field("token")
					another = c.Do(t, http.MethodPost, createPath, token, map[string]string{"email": registered}).Need(t, http.StatusOK).Field("customer.id")
				}
				is := func(email, password, want string) {
					t.Helper()
					if got := actorIn(t, c.login(t, "customer", email, password)); got != want {
						t.Errorf("%s is %q, want %q", email, got, want)
					}
				}
				if first == "login" {
					is(had, password, id)
					is(had, password, id) // here by now
				}
				c.forgets(t, backend, had)
				is(had, changed, id)
				c.Do(t, http.MethodPost, loginPath, "", credentials(had, password)).Need(t, http.StatusUnauthorized)
				backend.hasIdentity(t, had, `{"customer_id": "`+id+`"}`)
				if another == "" {
					c.Do(t, http.MethodPost, loginPath, "", credentials(registered, theirs)).Need(t, http.StatusUnauthorized)
					is(registered, changed, id) // one account has all spellings
					return
				}
				is(registered, theirs, another)
				c.forgets(t, backend, registered)
				is(registered, changed, another)
				is(had, changed, id)
				backend.hasIdentity(t, registered, `{"customer_id": "`+another+`"}`)
			})
		}
	}
}
