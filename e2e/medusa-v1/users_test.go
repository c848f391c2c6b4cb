//go:build unix && medusa

package medusav1

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// A user whom somebody deletes in Medusa's database is let in nowhere, and nobody is
// taken for deleted while Medusa cannot ask it.
func testDeletedUser(t *testing.T, backend *medusa) {
	s := newShop(t, backend, backend.Addr())
	c := s.caller()
	person := credentials("gone@users.example.com", password)
	admin := c.login(t, "admin", adminEmail, adminPassword)
	id := c.Do(t, http.MethodPost, usersPath, admin, person).Need(t, http.StatusOK).Field("user.id")
	newer := func() (token string) {
		return c.Do(t, http.MethodPost, "/auth/user/emailpass", "", person).Need(t, http.StatusOK).Field("token")
	}
	token := newer()
	refresh := func() int { return c.Do(t, http.MethodPost, "/auth/token/refresh", token, nil).Status }
	ask := map[string]func() int{
		"log-in":           func() int { return c.Do(t, http.MethodPost, "/admin/auth", "", person).Status },
		"token":            func() int { return c.Do(t, http.MethodPost, "/admin/auth/token", "", person).Status },
		"newer log-in":     func() int { return c.Do(t, http.MethodPost, "/auth/user/emailpass", "", person).Status },
		"refresh":          refresh,
		"session of token": func() int { return c.Do(t, http.MethodPost, "/auth/session", token, nil).Status },
	}
	all := func(when string, want int) {
		t.Helper()
		for name, status := range ask {
			if got := status(); got != want {
				t.Errorf("%s, %s: %d, want %d", when, name, got, want)
			}
		}
	}
	all("there", http.StatusOK)
	backend.Postgres.Query(t, `alter table "user" rename to "user_away"`)
	restore := func() { backend.Postgres.Query(t, `alter table if exists "user_away" rename to "user"`) }
	t.Cleanup(restore)
	all("without its table", http.StatusServiceUnavailable)
	restore()
	all("there again", http.StatusOK)
	backend.Postgres.Query(t, `update "user" set deleted_at = now() where id = '`+id+`'`)
	if got := refresh(); got != http.StatusUnauthorized {
		t.Errorf("deleted, refresh: %d", got)
	}
	delete(ask, "refresh") // of an identity that has ended with that: 404, as at a Medusa v2
	all("deleted", http.StatusUnauthorized)
	c.Do(t, http.MethodGet, "/admin/products", token, nil).Need(t, http.StatusUnauthorized)
	c.Do(t, http.MethodGet, "/admin/products", admin, nil).Need(t, http.StatusOK)
}

// A customer account that staff make with the address of a user who has not moved
// over would keep the user out.
func testCustomerOfAUser(t *testing.T, backend *medusa) {
	s := newShop(t, backend, backend.Addr())
	c := s.caller()
	person := credentials("both@users.example.com", password)
	backend.caller().Do(t, http.MethodPost, usersPath, backend.adminToken(t), person).Need(t, http.StatusOK)
	admin := c.login(t, "admin", adminEmail, adminPassword)
	customer := map[string]string{"email": person["email"], "password": changed, "first_name": "B", "last_name": "B"}
	c.Do(t, http.MethodPost, "/admin/customers", admin, customer).Need(t, http.StatusBadRequest)
	c.login(t, "admin", person["email"], password)
	c.Do(t, http.MethodPost, "/admin/customers", admin, customer).Need(t, http.StatusCreated)
	c.login(t, "store", person["email"], password)
	c.Do(t, http.MethodPost, tokenPath, "", credentials(person["email"], changed)).Need(t, http.StatusUnauthorized)
}

// Medusa's own subscriber hears of one request for a mail in a minute.
func testResetsPause(t *testing.T, backend *medusa) {
	s := newShop(t, backend, backend.Addr())
	const event = "customer.password_reset"
	ask := func(name string) string {
		email := name + "@pause.example.com"
		backend.caller().Do(t, http.MethodPost, createPath, "", credentials(email, password)).Need(t, http.StatusOK)
		for range 3 {
			s.caller().Do(t, http.MethodPost, createPath+"/password-token", "", map[string]string{"email": email}).Need(t, http.StatusNoContent)
		}
		return email
	}
	first, last := ask("first"), ask("last")
	backend.event(t, event, "email", last) // they come in their order
	if tokens := backend.tokens(t, event, "email", first); len(tokens) != 1 {
		t.Errorf("%d mails", len(tokens))
	}
	// The one is good, by whose use the customer moves over.
	token := backend.tokens(t, event, "email", first)[0]
	body := map[string]string{"email": first, "token": token, "password": changed}
	s.caller().Do(t, http.MethodPost, createPath+"/password-reset", "", body).Need(t, http.StatusOK)
	s.caller().login(t, "store", first, changed)
}

// sealed waits until no password that somebody typed opens the customer's account at
// Medusa.
func (s *medusa) sealed(t *testing.T, email string) {
	t.Helper()
	for late := time.After(e2e.FaultTimeout); ; {
		a := s.caller().Do(t, http.MethodPost, tokenPath, "", credentials(email, password))
		if a.Status == http.StatusUnauthorized {
			s.once(t, "customer", email)
			return
		}
		select {
		case <-late:
			t.Fatalf("%s still logs in at Medusa: %d", email, a.Status)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
