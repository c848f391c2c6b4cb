//go:build unix && medusa

package medusa

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// needTaken checks that somebody does not become the owner of an address.
func needTaken(t *testing.T, a e2e.Answer) {
	t.Helper()
	if got := a.Need(t, http.StatusUnauthorized).Body; got != `{"type":"unauthorized","message":"Identity with email already exists"}` &&
		got != `{"message":"Identity with email already exists"}` {
		t.Errorf("the refusal is %s", got)
	}
}

// While Medusa was down somebody took an address of which it has a customer. They
// do not become that customer; the owner does, by mail.
func testTaken(t *testing.T, backend *medusa) {
	g := newGate(t, backend)
	s := newShop(t, backend, g.Addr())
	c := s.caller()
	const email, thiefs = "owner@taken.example.com", "the password of a thief"
	id := backend.customer(t, email)
	g.Shut(true)
	thief := c.Do(t, http.MethodPost, registerPath, "", credentials(email, thiefs)).Need(t, http.StatusOK).Field("token")
	cookie := c.session(t, thief)
	g.Shut(false)
	needTaken(t, c.Do(t, http.MethodPost, createPath, thief, map[string]string{"email": email}))
	c.Do(t, http.MethodGet, mePath, thief, nil).Need(t, http.StatusUnauthorized)
	if got := actorIn(t, c.login(t, "customer", email, thiefs)); got != "" {
		t.Errorf("the thief is %s", got)
	}

	c.forgets(t, backend, email)
	if got := actorIn(t, c.login(t, "customer", email, changed)); got != id {
		t.Errorf("the owner is %q, want %s", got, id)
	}
	c.Do(t, http.MethodPost, loginPath, "", credentials(email, thiefs)).Need(t, http.StatusUnauthorized)
	c.Do(t, http.MethodPost, refreshPath, thief, nil).Need(t, http.StatusUnauthorized)
	c.with(t, cookie, http.MethodGet, mePath).Need(t, http.StatusUnauthorized)
	backend.hasIdentity(t, email, `{"customer_id": "`+id+`"}`)
}

// Medusa's database was set back to before somebody registered, or before they
// became a customer.
func testSetBack(t *testing.T, backend *medusa) {
	s := newShop(t, backend, backend.Addr())
	c := s.caller()
	forget := func(email string) {
		t.Helper()
		backend.Postgres.Query(t, `with gone as (delete from provider_identity where entity_id = '`+email+`' returning auth_identity_id)
			delete from auth_identity where id in (select auth_identity_id from gone)`)
		backend.hasIdentity(t, email, "")
	}
	n := newcomer{s, "registered@back.example.com"}
	token := c.Do(t, http.MethodPost, registerPath, "", credentials(n.email, password)).Need(t, http.StatusOK).Field("token")
	forget(n.email)
	created := c.Do(t, http.MethodPost, createPath, token, map[string]string{"email": n.email}).Need(t, http.StatusOK)
	n.isCustomer(t, created.Field("customer.id"))

	gone := newcomer{s, "customer@back.example.com"}
	id := gone.try(t)
	forget(gone.email)
	backend.Postgres.Query(t, `delete from customer where id = '`+id+`'`)
	c.Do(t, http.MethodGet, mePath, c.login(t, "customer", gone.email, password), nil).Need(t, http.StatusNotFound)
}

// After the first secret of the sessions was changed, shadows are known by their
// ids. Only an interrupted sign-up needs a mail.
func testRotation(t *testing.T, backend *medusa) {
	g := newGate(t, backend)
	s := newShop(t, backend, g.Addr())
	c := s.caller()
	whole, half := newcomer{s, "whole@rotation.example.com"}, newcomer{s, "half@rotation.example.com"}
	tokens := make(map[newcomer]string)
	for _, n := range []newcomer{whole, half} {
		if n == half {
			g.Once("POST "+registerPath, e2e.AnswerIsLost)
		}
		tokens[n] = c.Do(t, http.MethodPost, registerPath, "", credentials(n.email, password)).Need(t, http.StatusOK).Field("token")
	}
	g.Met(t)
	s.caddy.Stop()
	s.open(t, g.Addr(), setup{options: ownSecret, env: []string{"COOKIE_SECRET=" + strings.Repeat("r", 32)}})
	c = s.caller()
	create := func(n newcomer) e2e.Answer {
		t.Helper()
		return c.Do(t, http.MethodPost, createPath, tokens[n], map[string]string{"email": n.email})
	}
	whole.isCustomer(t, create(whole).Need(t, http.StatusOK).Field("customer.id"))

	needTaken(t, create(half))
	c.forgets(t, backend, half.email)
	tokens[half] = c.login(t, "customer", half.email, changed)
	id := create(half).Need(t, http.StatusOK).Field("customer.id")
	if got := actorIn(t, c.login(t, "customer", half.email, changed)); got != id {
		t.Errorf("the customer %s is %q", id, got)
	}
	backend.hasIdentity(t, half.email, `{"customer_id": "`+id+`"}`)
}

// The sidecar is taken away again. Who had a password at Medusa has it, and all
// others get one by mail; they are whom they were. When the sidecar comes back it
// knows everybody, with the passwords that it knew.
func testGoingBack(t *testing.T, backend *medusa) {
	s := newShop(t, backend, backend.Addr())
	old, young := newcomer{s, "old@return.example.com"}, newcomer{s, "young@return.example.com"}
	ids := map[newcomer]string{old: backend.customer(t, old.email), young: young.try(t)}
	for n, id := range ids {
		n.isCustomer(t, id)
	}
	s.caddy.Stop()

	c := backend.caller()
	if got := actorIn(t, c.login(t, "customer", old.email, password)); got != ids[old] {
		t.Errorf("the old customer is %q, want %s", got, ids[old])
	}
	c.Do(t, http.MethodPost, loginPath, "", credentials(young.email, password)).Need(t, http.StatusUnauthorized)
	c.forgets(t, backend, young.email)
	if got := actorIn(t, c.login(t, "customer", young.email, changed)); got != ids[young] {
		t.Errorf("the young customer is %q, want %s", got, ids[young])
	}

	s.caddy.Restart()
	for n, id := range ids {
		n.isCustomer(t, id)
	}
	s.caller().Do(t, http.MethodPost, loginPath, "", credentials(young.email, changed)).Need(t, http.StatusUnauthorized)
	s.caller().forgets(t, backend, young.email)
	if got := actorIn(t, s.caller().login(t, "customer", young.email, changed)); got != ids[young] {
		t.Errorf("the young customer is %q, want %s", got, ids[young])
	}
}
