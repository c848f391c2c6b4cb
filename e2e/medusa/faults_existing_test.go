//go:build unix && medusa

package medusa

import (
	"net/http"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// customer makes a customer at Medusa, past the sidecar, and returns the id.
func (s *medusa) customer(t *testing.T, email string) string {
	t.Helper()
	c := s.caller()
	token := c.Do(t, http.MethodPost, registerPath, "", credentials(email, password)).Need(t, http.StatusOK).Field("token")
	return c.Do(t, http.MethodPost, createPath, token, map[string]string{"email": email}).Need(t, http.StatusOK).Field("customer.id")
}

// A customer whom only Medusa knows logs in through the sidecar. Whatever
// happens to the first attempt is no "wrong password", and the next one succeeds,
// with the customer and the identity that Medusa has.
func testMovesOver(t *testing.T, backend *medusa) {
	for kind, befall := range e2e.Befalls {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, backend)
			s := newShop(t, backend, g.Addr())
			c := s.caller()
			email := mailbox(kind) + "@moves.example.com"
			id := backend.customer(t, email)
			befall(t, g, s.caddy, "POST "+loginPath, func() {
				a, err := c.post(t, loginPath, "", credentials(email, password))
				if err == nil && a.Status != http.StatusServiceUnavailable {
					t.Errorf("the attempt was answered %d: %s", a.Status, a.Body)
				}
			})
			// A sidecar that was killed keeps the address to itself for a while.
			patient(t, func() e2e.Answer { return c.Do(t, http.MethodPost, loginPath, "", credentials(email, password)) }).Need(t, http.StatusOK)
			newcomer{s, email}.isCustomer(t, id)
			c.Do(t, http.MethodPost, loginPath, "", credentials(email, "wrong")).Need(t, http.StatusUnauthorized)

			g.Shut(true) // what has moved needs Medusa no more
			c.login(t, "customer", email, password)
		})
	}
}

// A customer forgets the password. Whatever happens to an attempt to set a new
// one, another succeeds in the end, and the customer stays the same.
func testForgets(t *testing.T, backend *medusa) {
	for _, path := range []string{resetPath, updatePath} {
		for kind, befall := range e2e.Befalls {
			name := map[string]string{resetPath: "ask", updatePath: "update"}[path] + " " + kind
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				g := newGate(t, backend)
				s := newShop(t, backend, g.Addr())
				c := s.caller()
				n := newcomer{s, mailbox(name) + "@forgets.example.com"}
				id := n.try(t)
				if path == resetPath {
					befall(t, g, s.caddy, "POST "+path, func() { _, _ = c.post(t, path, "", map[string]string{"identifier": n.email}) })
				} else {
					token, _ := c.mailed(t, backend, n.email)
					befall(t, g, s.caddy, "POST "+path, func() { _, _ = c.post(t, path, token, map[string]string{"password": changed}) })
				}
				c.forgets(t, backend, n.email)
				c.Do(t, http.MethodPost, loginPath, "", credentials(n.email, password)).Need(t, http.StatusUnauthorized)
				token := c.login(t, "customer", n.email, changed)
				if got := c.Do(t, http.MethodGet, mePath, token, nil).Need(t, http.StatusOK).Field("customer.id"); got != id {
					t.Errorf("the customer was %s and is %s", id, got)
				}
			})
		}
	}
}
