//go:build unix && medusa

package medusa

import (
	"net/http"
	"testing"
)

// testMigration is about accounts that Medusa had before, and nobody's way.
func testMigration(t *testing.T, backend *medusa) {
	t.Run("off", func(t *testing.T) {
		t.Parallel()
		g := newGate(t, backend)
		s := openShop(t, backend, g.Addr(), setup{options: ownSecret + "\nmigrate_on_login off"})
		c := s.caller()
		const email = "old@migration.example.com"
		id := backend.customer(t, email)
		a := c.Do(t, http.MethodPost, loginPath, "", credentials(email, password)).Need(t, http.StatusUnauthorized)
		if a.Body != `{"type":"unauthorized","message":"Invalid email or password"}` {
			t.Errorf("the refusal is %s", a.Body)
		}
		if n := len(g.Asked("POST " + loginPath)); n != 0 {
			t.Errorf("Medusa was asked %d times", n)
		}
		g.Shut(true) // nobody is to be asked
		c.Do(t, http.MethodPost, loginPath, "", credentials(email, password)).Need(t, http.StatusUnauthorized)
		g.Shut(false)
		c.forgets(t, backend, email) // whose mail shows whose account it is
		if got := actorIn(t, c.login(t, "customer", email, changed)); got != id {
			t.Errorf("the customer is %q, want %s", got, id)
		}
	})
	// Somebody registered with Medusa and never became a customer: registering
	// again is refused, also with the right password; logging in works.
	t.Run("unfinished", func(t *testing.T) {
		t.Parallel()
		g := newGate(t, backend)
		s := newShop(t, backend, g.Addr())
		c := s.caller()
		n := newcomer{s, "unfinished@migration.example.com"}
		person := credentials(n.email, password)
		backend.caller().Do(t, http.MethodPost, registerPath, "", person).Need(t, http.StatusOK)
		a := c.Do(t, http.MethodPost, registerPath, "", person).Need(t, http.StatusUnauthorized)
		if a.Body != `{"type":"unauthorized","message":"Identity with email already exists"}` {
			t.Errorf("the refusal is %s", a.Body)
		}
		n.persist(t)
		asked := len(g.Asked("POST " + loginPath))
		c.Do(t, http.MethodPost, loginPath, "", credentials(n.email, "wrong")).Need(t, http.StatusUnauthorized)
		if n := len(g.Asked("POST " + loginPath)); n != asked {
			t.Error("Medusa was asked about somebody who has moved over")
		}
	})
}
