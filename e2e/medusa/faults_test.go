//go:build unix && medusa

package medusa

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

const (
	registerPath = "/auth/customer/emailpass/register"
	loginPath    = "/auth/customer/emailpass"
	refreshPath  = "/auth/token/refresh"
	createPath   = "/store/customers"
	mePath       = "/store/customers/me"
)

// newcomer is somebody who becomes a customer, however often it takes.
type newcomer struct {
	shop  *shop
	email string
}

// try does once what a storefront does for a newcomer: it registers, or logs in
// if the address is taken; creates the customer unless there is one; and returns
// the customer's id, or "" when a step failed in a way that one tries again after.
func (n newcomer) try(t *testing.T) string {
	t.Helper()
	c := n.shop.caller()
	step := func(path, token string, body any) (e2e.Answer, bool) {
		t.Helper()
		a, err := c.post(t, path, token, body)
		if err != nil {
			return e2e.Answer{}, false // the sidecar is gone
		}
		if a.Status >= 500 {
			if a.Status != http.StatusServiceUnavailable && a.Status != http.StatusBadGateway {
				t.Errorf("%s answered %d: %s", path, a.Status, a.Body)
			}
			return a, false
		}
		return a, true
	}
	person := credentials(n.email, password)
	a, ok := step(registerPath, "", person)
	if ok && a.Status == http.StatusUnauthorized { // the address is taken, by ourselves
		a, ok = step(loginPath, "", person)
	}
	if !ok {
		return ""
	}
	token := a.Need(t, http.StatusOK).Field("token")
	a, ok = step(createPath, token, map[string]string{"email": n.email})
	if !ok {
		return ""
	}
	if a.Status != http.StatusOK && !strings.Contains(a.Body, "already") {
		t.Fatalf("creating the customer: %d %s", a.Status, a.Body)
	}
	a, ok = step(refreshPath, token, nil)
	if !ok {
		return ""
	}
	token = a.Need(t, http.StatusOK).Field("token")
	return c.Do(t, http.MethodGet, mePath, token, nil).Need(t, http.StatusOK).Field("customer.id")
}

// isCustomer checks that Medusa has the newcomer once, as a customer whom the
// sidecar logs in.
func (n newcomer) isCustomer(t *testing.T, id string) {
	t.Helper()
	backend := n.shop.backend
	list := backend.caller().Do(t, http.MethodGet, "/admin/customers?fields=id,email,has_account&q="+n.email,
		backend.adminToken(t), nil).Need(t, http.StatusOK)
	var found struct {
		Customers []struct {
			ID      string
			Account bool `json:"has_account"`
		}
	}
	if err := json.Unmarshal([]byte(list.Body), &found); err != nil {
		t.Fatal(err)
	}
	if len(found.Customers) != 1 || found.Customers[0].ID != id || !found.Customers[0].Account {
		t.Errorf("the customer is %q, Medusa has %s", id, list.Body)
	}
	c := n.shop.caller()
	token := c.login(t, "customer", n.email, password)
	if got := c.Do(t, http.MethodGet, mePath, token, nil).Need(t, http.StatusOK).Field("customer.id"); got != id {
		t.Errorf("the customer is %q, who logs in is %q", id, got)
	}
	backend.hasIdentity(t, n.email, `{"customer_id": "`+id+`"}`)
}

// hasIdentity checks that Medusa has one identity with that address, linked to
// those actors and to nobody else; "" is no identity.
func (s *medusa) hasIdentity(t *testing.T, email, actors string) {
	t.Helper()
	got := s.Postgres.Query(t, `select string_agg(a.app_metadata::text, ';') from provider_identity p
		join auth_identity a on a.id = p.auth_identity_id
		where p.entity_id = '`+email+`' and p.deleted_at is null and a.deleted_at is null`)
	if got != actors {
		t.Errorf("Medusa's identities with the address %s: %s, want %s", email, got, actors)
	}
}

// While Medusa is stopped, people whom the sidecar knows log in and out, and
// newcomers register; they become customers when it is back, and it is itself.
func testStopped(t *testing.T, backend *medusa) {
	s := newShop(t, backend, backend.Addr())
	c := s.caller()
	known := newcomer{s, "known@stopped.example.com"}
	id := known.try(t)
	known.isCustomer(t, id)

	backend.Stop()
	token := c.login(t, "customer", known.email, password)
	token = c.Do(t, http.MethodPost, refreshPath, token, nil).Need(t, http.StatusOK).Field("token")
	late := newcomer{s, "late@stopped.example.com"}
	registration := c.Do(t, http.MethodPost, registerPath, "", credentials(late.email, password)).Need(t, http.StatusOK).Field("token")
	c.Do(t, http.MethodPost, loginPath, "", credentials(late.email, password)).Need(t, http.StatusOK)
	c.Do(t, http.MethodPost, createPath, registration, map[string]string{"email": late.email}).NeedRetryAfter(t)
	if a := c.Do(t, http.MethodGet, mePath, token, nil); a.Status != http.StatusBadGateway && a.Status != http.StatusServiceUnavailable {
		t.Errorf("a request for Medusa answers %d: %s", a.Status, a.Body)
	}

	// It comes back with another secret than the sidecar was told.
	backend.Env = []string{"JWT_SECRET=" + strings.Repeat("o", 32)}
	backend.Restart()
	for _, path := range []string{mePath, "/store/products"} {
		c.Do(t, http.MethodGet, path, token, nil).NeedRetryAfter(t)
	}
	if log := s.caddy.Output(); !strings.Contains(log, `"reason":"backend_secret"`) {
		t.Errorf("the log does not say that the secret is wrong:\n%s", log)
	}

	backend.Env = nil
	backend.Restart()
	patient(t, func() e2e.Answer { return c.Do(t, http.MethodGet, mePath, token, nil) }).Need(t, http.StatusOK)
	created := c.Do(t, http.MethodPost, createPath, registration, map[string]string{"email": late.email}).Need(t, http.StatusOK)
	late.isCustomer(t, created.Field("customer.id"))
}

// moments are the requests to Medusa while somebody becomes a customer.
var moments = map[string]string{
	"the shadow":   registerPath,
	"the question": refreshPath, // whether there is an actor already
	"the customer": createPath,
}

// Something befalls a request to Medusa; whoever tries again becomes one customer.
func testNewcomers(t *testing.T, backend *medusa) {
	for moment, path := range moments {
		for kind, befall := range e2e.Befalls {
			t.Run(moment+" "+kind, func(t *testing.T) {
				t.Parallel()
				g := newGate(t, backend)
				s := newShop(t, backend, g.Addr())
				n := newcomer{s, mailbox(moment+" "+kind) + "@newcomers.example.com"}
				befall(t, g, s.caddy, "POST "+path, func() { n.try(t) })
				n.persist(t)
			})
		}
	}
}

// persist tries until the newcomer is a customer, checks that it is one, and
// returns the id.
func (n newcomer) persist(t *testing.T) string {
	t.Helper()
	for range 5 {
		if id := n.try(t); id != "" {
			n.isCustomer(t, id)
			return id
		}
	}
	t.Fatalf("%s does not become a customer", n.email)
	return ""
}
