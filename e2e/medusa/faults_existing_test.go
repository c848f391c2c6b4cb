//go:build unix && medusa

package medusa

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// customer makes a customer at Medusa, past the sidecar, and returns the id.
func (s *medusa) customer(t *testing.T, email string) string {
	t.Helper()
	c := s.caller()
	token := c.do(t, http.MethodPost, registerPath, "", credentials(email, password)).Need(t, http.StatusOK).Field("token")
	return c.do(t, http.MethodPost, createPath, token, map[string]string{"email": email}).Need(t, http.StatusOK).Field("customer.id")
}

// faults are what may befall a request to Medusa: it or its answer is e2e.Lost, or
// the sidecar is killed before or after it. The shop is as it was afterwards.
var faults = map[string]func(t *testing.T, g *e2e.Gate, s *shop, route string, ask func()){
	"request lost": func(t *testing.T, g *e2e.Gate, _ *shop, route string, ask func()) {
		g.Once(route, e2e.Lost)
		ask()
		g.Met(t)
	},
	"answer lost": func(t *testing.T, g *e2e.Gate, _ *shop, route string, ask func()) {
		g.Once(route, e2e.AnswerIsLost)
		ask()
		g.Met(t)
	},
	"killed before": func(t *testing.T, g *e2e.Gate, s *shop, route string, ask func()) {
		killAt(t, g, s, route, func(func()) {}, ask)
	},
	"killed after": func(t *testing.T, g *e2e.Gate, s *shop, route string, ask func()) {
		killAt(t, g, s, route, func(forward func()) { forward() }, ask)
	},
}

// killAt asks, kills the sidecar when Medusa is about to answer, and starts it again.
func killAt(t *testing.T, g *e2e.Gate, s *shop, route string, first e2e.Fault, ask func()) {
	t.Helper()
	now, dead := make(chan struct{}), make(chan struct{})
	g.Once(route, func(forward func()) {
		first(forward)
		close(now)
		<-dead
		e2e.Broken()
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ask()
	}()
	select {
	case <-now: // the answer to what was asked may be there already
	case <-time.After(eventTimeout):
		t.Fatal("the sidecar did not get that far")
	}
	s.caddy.Kill()
	close(dead)
	<-ended
	s.caddy.Restart()
}

// A customer whom only Medusa knows logs in through the sidecar. Whatever
// happens to the first attempt is no "wrong password", and the next one succeeds,
// with the customer and the identity that Medusa has.
func testMovesOver(t *testing.T, backend *medusa) {
	for kind, befall := range faults {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, backend)
			s := newShop(t, backend, g.Addr())
			c := s.caller()
			email := mailbox(kind) + "@moves.example.com"
			id := backend.customer(t, email)
			befall(t, g, s, "POST "+loginPath, func() {
				a, err := c.post(t, loginPath, "", credentials(email, password))
				if err == nil && a.Status != http.StatusServiceUnavailable {
					t.Errorf("the attempt was answered %d: %s", a.Status, a.Body)
				}
			})
			// A sidecar that was killed keeps the address to itself for a while.
			patient(t, func() e2e.Answer { return c.do(t, http.MethodPost, loginPath, "", credentials(email, password)) }).Need(t, http.StatusOK)
			newcomer{s, email}.isCustomer(t, id)
			c.do(t, http.MethodPost, loginPath, "", credentials(email, "wrong")).Need(t, http.StatusUnauthorized)

			g.Shut(true) // what has moved needs Medusa no more
			c.login(t, "customer", email, password)
		})
	}
}

// A customer forgets the password. Whatever happens to an attempt to set a new
// one, another succeeds in the end, and the customer stays the same.
func testForgets(t *testing.T, backend *medusa) {
	for _, path := range []string{resetPath, updatePath} {
		for kind, befall := range faults {
			name := map[string]string{resetPath: "ask", updatePath: "update"}[path] + " " + kind
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				g := newGate(t, backend)
				s := newShop(t, backend, g.Addr())
				c := s.caller()
				n := newcomer{s, mailbox(name) + "@forgets.example.com"}
				id := n.try(t)
				if path == resetPath {
					befall(t, g, s, "POST "+path, func() { _, _ = c.post(t, path, "", map[string]string{"identifier": n.email}) })
				} else {
					token, _ := c.mailed(t, backend, n.email)
					befall(t, g, s, "POST "+path, func() { _, _ = c.post(t, path, token, map[string]string{"password": changed}) })
				}
				c.forgets(t, backend, n.email)
				c.do(t, http.MethodPost, loginPath, "", credentials(n.email, password)).Need(t, http.StatusUnauthorized)
				token := c.login(t, "customer", n.email, changed)
				if got := c.do(t, http.MethodGet, mePath, token, nil).Need(t, http.StatusOK).Field("customer.id"); got != id {
					t.Errorf("the customer was %s and is %s", id, got)
				}
			})
		}
	}
}
