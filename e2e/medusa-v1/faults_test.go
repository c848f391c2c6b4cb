//go:build unix && medusa

package medusav1

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

const (
	createPath = "/store/customers"
	loginPath  = "/store/auth"
	tokenPath  = "/store/auth/token"
	mePath     = "/store/customers/me"
	usersPath  = "/admin/users"
	acceptPath = "/admin/invites/accept"
)

// persist sends a request until it is answered 200, or by one of the statuses
// that say that it was done before.
func (s *shop) persist(t *testing.T, path, token string, body any, before ...int) e2e.Answer {
	t.Helper()
	for late := time.After(e2e.FaultTimeout); ; {
		a := s.caller().Do(t, http.MethodPost, path, token, body)
		for _, status := range append(before, http.StatusOK) {
			if a.Status == status {
				return a
			}
		}
		if a.Status != http.StatusBadGateway {
			a.NeedRetryAfter(t)
		}
		select {
		case <-late:
			t.Fatalf("%s: %d %s", path, a.Status, a.Body)
		default:
		}
	}
}

// fails checks that an attempt that something befell is not said to be done.
func (s *shop) fails(t *testing.T, path, token string, body any) {
	a, err := s.caller().Try(t, http.MethodPost, path, token, body)
	if err == nil && a.Status != http.StatusServiceUnavailable && a.Status != http.StatusBadGateway {
		t.Errorf("the attempt was answered %d: %s", a.Status, a.Body)
	}
}

// once checks that Medusa has one account of the address, which no password opens
// that somebody typed, and returns its id.
func (s *medusa) once(t *testing.T, table, email string) string {
	t.Helper()
	id := s.Postgres.Query(t, `select string_agg(id, ';') from "`+table+`" where email = '`+email+`'`)
	if len(id) != len("cus_01M7ZF7JW9G6CXVDW9RPVAE2RQ") {
		t.Fatalf("%s is %q at Medusa", email, id)
	}
	domain := map[string]string{"customer": "store", "user": "admin"}[table]
	for _, typed := range []string{password, changed} {
		a := s.caller().Do(t, http.MethodPost, "/"+domain+"/auth/token", "", credentials(email, typed))
		a.Need(t, http.StatusUnauthorized)
	}
	return id
}

// Something befalls a request to Medusa by which an account is made; whoever tries
// again has one, once.
func testNewcomers(t *testing.T, backend *medusa) {
	for kind, befall := range e2e.Befalls {
		t.Run("registers "+kind, func(t *testing.T) {
			t.Parallel()
			g := e2e.NewGate(t, backend.URL(), nil)
			s := newShop(t, backend, g.Addr())
			person := credentials(mailbox("registers "+kind)+"@newcomers.example.com", password)
			befall(t, g, s.caddy, "POST "+createPath, func() { s.fails(t, createPath, "", person) })
			id := s.persist(t, createPath, "", person).Field("customer.id")
			s.caller().Do(t, http.MethodPost, createPath, "", person).Need(t, http.StatusUnprocessableEntity)
			token := s.caller().login(t, "store", person["email"], password)
			got := s.caller().Do(t, http.MethodGet, mePath, token, nil).Need(t, http.StatusOK).Field("customer.id")
			if want := backend.once(t, "customer", person["email"]); got != want || id != want {
				t.Errorf("%s registered, %s logs in, Medusa has %s", id, got, want)
			}
		})
		t.Run("is made "+kind, func(t *testing.T) {
			t.Parallel()
			g := e2e.NewGate(t, backend.URL(), nil)
			s := newShop(t, backend, g.Addr())
			person := credentials(mailbox("is made "+kind)+"@newcomers.example.com", password)
			admin := s.caller().login(t, "admin", adminEmail, adminPassword)
			befall(t, g, s.caddy, "POST "+usersPath, func() { s.fails(t, usersPath, admin, person) })
			id := s.persist(t, usersPath, admin, person).Field("user.id")
			s.isUser(t, person["email"], id)
		})
		t.Run("accepts "+kind, func(t *testing.T) {
			t.Parallel()
			g := e2e.NewGate(t, backend.URL(), nil)
			s := newShop(t, backend, g.Addr())
			email := mailbox("accepts "+kind) + "@newcomers.example.com"
			backend.caller().Do(t, http.MethodPost, "/admin/invites", backend.adminToken(t),
				map[string]string{"user": email, "role": "member"}).Need(t, http.StatusOK)
			body := map[string]any{
				"token": backend.event(t, "invite.created", "user_email", email), "user": map[string]string{"first_name": "New", "password": password},
			}
			befall(t, g, s.caddy, "POST "+acceptPath, func() { s.fails(t, acceptPath, "", body) })
			s.persist(t, acceptPath, "", body)
			s.isUser(t, email, backend.once(t, "user", email))
		})
	}
}

// isUser checks that the user logs in, and that Medusa has him once.
func (s *shop) isUser(t *testing.T, email, id string) {
	t.Helper()
	token := s.caller().login(t, "admin", email, password)
	got := s.caller().Do(t, http.MethodGet, "/admin/auth", token, nil).Need(t, http.StatusOK).Field("user.id")
	if want := s.backend.once(t, "user", email); got != want || id != want {
		t.Errorf("%s was made, %s logs in, Medusa has %s", id, got, want)
	}
}

// A customer whom only Medusa knows logs in through the sidecar. Whatever happens
// to the first attempt is no "wrong password", and the next one succeeds.
func testMovesOver(t *testing.T, backend *medusa) {
	for _, path := range []string{loginPath, mePath} { // the question, and the new password there
		for kind, befall := range e2e.Befalls {
			name := map[string]string{loginPath: "asked ", mePath: "sealed "}[path] + kind
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				g := e2e.NewGate(t, backend.URL(), nil)
				s := newShop(t, backend, g.Addr())
				person := credentials(mailbox(name)+"@moves.example.com", password)
				id := backend.caller().Do(t, http.MethodPost, createPath, "", person).Need(t, http.StatusOK).Field("customer.id")
				befall(t, g, s.caddy, "POST "+path, func() {
					a, err := s.caller().Try(t, http.MethodPost, tokenPath, "", person)
					if err == nil && a.Status != http.StatusServiceUnavailable && (a.Status != http.StatusOK || path == loginPath) {
						t.Errorf("the attempt was answered %d: %s", a.Status, a.Body)
					}
				})
				token := s.persist(t, tokenPath, "", person).Field("access_token")
				if got := s.caller().Do(t, http.MethodGet, mePath, token, nil).Need(t, http.StatusOK).Field("customer.id"); got != id {
					t.Errorf("the customer was %s and is %s", id, got)
				}
				s.caller().Do(t, http.MethodPost, tokenPath, "", credentials(person["email"], "wrong")).Need(t, http.StatusUnauthorized)
				if path == loginPath || strings.HasSuffix(kind, "lost") { // else the sidecar died that would have repeated it
					backend.sealed(t, person["email"])
				}
				g.Shut(true) // what has moved needs Medusa no more
				s.caller().login(t, "store", person["email"], password)
			})
		}
	}
}

// While Medusa is stopped, people whom the sidecar knows log in and out by token,
// and nothing is half made.
func testStopped(t *testing.T, backend *medusa) {
	s := newShop(t, backend, backend.Addr())
	c := s.caller()
	known := credentials("known@stopped.example.com", password)
	s.persist(t, createPath, "", known)
	token := c.login(t, "store", known["email"], password)

	backend.Stop()
	late := credentials("late@stopped.example.com", password)
	c.Do(t, http.MethodPost, createPath, "", late).NeedRetryAfter(t)
	c.Do(t, http.MethodPost, tokenPath, "", late).NeedRetryAfter(t) // perhaps Medusa knows who that is
	c.login(t, "store", known["email"], password)
	c.Do(t, http.MethodPost, loginPath, "", known).NeedRetryAfter(t) // the answer has the customer in it
	for _, path := range []string{loginPath, mePath} {
		if a := c.Do(t, http.MethodGet, path, token, nil); a.Status != http.StatusBadGateway && a.Status != http.StatusServiceUnavailable {
			t.Errorf("%s answers %d: %s", path, a.Status, a.Body)
		}
	}

	backend.Restart()
	id := s.persist(t, createPath, "", late).Field("customer.id")
	if want := backend.once(t, "customer", late["email"]); id != want {
		t.Errorf("%s registered, Medusa has %s", id, want)
	}
	s.persist(t, loginPath, "", known)
}
