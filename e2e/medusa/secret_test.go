//go:build unix && medusa

package medusa

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

const sessionPath = "/auth/session"

// commonSecret has the sidecar sign with Medusa's own secret.
var commonSecret = setup{env: []string{"JWT_SECRET=" + e2e.MedusaSecret}}

// with sends a request with that cookie, "" for none.
func (c caller) with(t *testing.T, cookie, method, path string) e2e.Answer {
	t.Helper()
	header := make(http.Header)
	if cookie != "" {
		header.Set("Cookie", cookie)
	}
	a, err := c.Send(t, method, path, header, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// session logs the holder of a token in by cookie, which it returns.
func (c caller) session(t *testing.T, token string) string {
	t.Helper()
	cookie, _, _ := strings.Cut(c.Do(t, http.MethodPost, sessionPath, token, nil).Need(t, http.StatusOK).Header.Get("Set-Cookie"), ";")
	if cookie == "" {
		t.Fatal("there is no cookie")
	}
	return cookie
}

// Who holds a token of the sidecar, or its cookie, gets at Medusa past it what
// docs/medusa.md says, and Medusa sees what it says.
func testSecret(t *testing.T, backend *medusa) {
	for name, o := range map[string]setup{"own": {options: ownSecret}, "common": commonSecret} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, backend)
			s := openShop(t, backend, g.Addr(), o)
			c := s.caller()
			n := newcomer{s, name + "@secret.example.com"}
			id := n.try(t)
			n.isCustomer(t, id)

			token := c.login(t, "customer", n.email, password)
			c.Do(t, http.MethodGet, mePath, token, nil).Need(t, http.StatusOK)
			sent := g.Asked("GET " + mePath)
			asIs := sent[len(sent)-1].Get("Authorization") == "Bearer "+token
			past := backend.caller().Do(t, http.MethodGet, mePath, token, nil).Status
			if common := name == "common"; asIs != common || (past == http.StatusOK) != common {
				t.Errorf("the token passes as it is: %v; Medusa answers it %d", asIs, past)
			}

			cookie := c.session(t, token)
			if got := c.with(t, cookie, http.MethodGet, mePath).Need(t, http.StatusOK).Field("customer.id"); got != id {
				t.Errorf("the session is of %s, want %s", got, id)
			}
			// What Medusa gave out before, to somebody who has not moved over.
			before := backend.caller().login(t, "customer", customerEmail, customerPassword)
			c.Do(t, http.MethodGet, mePath, before, nil).Need(t, http.StatusUnauthorized)
			c.with(t, backend.caller().session(t, before), http.MethodGet, mePath).Need(t, http.StatusUnauthorized)
			backend.caller().with(t, cookie, http.MethodGet, mePath).Need(t, http.StatusUnauthorized)
			for _, header := range g.Asked("GET " + mePath) {
				if strings.Contains(header.Get("Cookie"), "connect.sid") {
					t.Errorf("Medusa gets the cookie %q", header.Get("Cookie"))
				}
				for field := range header {
					if strings.HasPrefix(field, "X-Auth-") {
						t.Errorf("Medusa gets %s", field)
					}
				}
			}
			c.with(t, cookie, http.MethodDelete, sessionPath).Need(t, http.StatusOK)
			c.with(t, cookie, http.MethodGet, mePath).Need(t, http.StatusUnauthorized)

			// Medusa's id is not ours if it was down.
			g.Shut(true)
			late := newcomer{s, "late." + name + "@secret.example.com"}
			registration := c.Do(t, http.MethodPost, registerPath, "", credentials(late.email, password)).Need(t, http.StatusOK).Field("token")
			g.Shut(false)
			late.persist(t)
			registration = c.Do(t, http.MethodPost, refreshPath, registration, nil).Need(t, http.StatusOK).Field("token")
			c.Do(t, http.MethodGet, mePath, registration, nil).Need(t, http.StatusOK)

			// Whom Medusa had before.
			old := newcomer{s, "old." + name + "@secret.example.com"}
			had := backend.customer(t, old.email)
			old.isCustomer(t, had)
		})
	}
}

// With a wrong secret nobody is served as if nobody were logged in, whatever the
// route and the credential, and the log says why.
func testWrongSecret(t *testing.T, backend *medusa) {
	s := newShop(t, backend, backend.Addr())
	// A user moves over only while Medusa takes our tokens: it is asked whether they are there.
	admin := s.caller().login(t, "user", adminEmail, adminPassword)
	s.caddy.Stop()
	s.open(t, backend.Addr(), setup{
		options: ownSecret, env: []string{"MEDUSA_JWT_SECRET=" + strings.Repeat("w", 32)},
	})
	c := s.caller()
	const email = "person@wrong.example.com"
	newcomer := c.Do(t, http.MethodPost, registerPath, "", credentials(email, password)).Need(t, http.StatusOK).Field("token")
	customer := c.login(t, "customer", customerEmail, customerPassword) // moves over without a token of ours
	for _, token := range []string{newcomer, customer, admin} {
		cookie := ""
		if token != newcomer {
			cookie = c.session(t, token)
		}
		for _, path := range []string{mePath, "/store/products", selfPath, "/admin/customers", "/admin/feature-flags"} {
			c.Do(t, http.MethodGet, path, token, nil).NeedRetryAfter(t)
			// A session is none on the other side's routes.
			if strings.HasPrefix(path, "/store") == (token == customer) && cookie != "" {
				c.with(t, cookie, http.MethodGet, path).NeedRetryAfter(t)
			}
		}
		c.Do(t, http.MethodPost, createPath, token, map[string]string{"email": email}).NeedRetryAfter(t)
		c.Do(t, http.MethodPost, acceptPath+"?token=garbage", token, map[string]string{"first_name": "Grace"}).NeedRetryAfter(t)
		c.Do(t, http.MethodDelete, "/admin/customers/"+backend.CustomerID, token, nil).NeedRetryAfter(t)
	}
	c.Do(t, http.MethodGet, "/store/products", "", nil).Need(t, http.StatusOK) // nobody is logged in
	log := s.caddy.Output()
	if !strings.Contains(log, `"reason":"backend_secret"`) || !strings.Contains(log, `"level":"error"`) {
		t.Errorf("the log does not say that the secret is wrong:\n%s", log)
	}
	if strings.Contains(log, strings.Repeat("w", 32)) || strings.Contains(log, e2e.MedusaSecret) {
		t.Error("the log has a secret")
	}
}
