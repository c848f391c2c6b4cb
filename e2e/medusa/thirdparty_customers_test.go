//go:build unix && medusa

package medusa

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// testVisitors is about customers who come from a third party.
func testVisitors(t *testing.T, backend *medusa) {
	for name, test := range map[string]func(t *testing.T, g *e2e.Gate, s *shop){"outage": visitorsInOutage, "linking": visitorsLink} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, backend)
			test(t, g, openShop(t, backend, g.Addr(), newThirdParties(t, "").setup()))
		})
	}
}

// Medusa is down when people come back: they are logged in, and it learns of them
// before they become a customer or user.
func visitorsInOutage(t *testing.T, g *e2e.Gate, s *shop) {
	for _, actor := range []string{"customer", "user"} {
		v := visitor{s, actor, actor + "@outage.example.com"}
		g.Shut(true)
		token := v.signIn(t)
		for range 2 {
			a, err := v.create(t, token)
			if err != nil {
				t.Fatal(err)
			}
			a.NeedRetryAfter(t)
		}
		again := v.signIn(t)
		g.Shut(false)
		created := patient(t, func() e2e.Answer {
			a, err := v.create(t, again)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}).Need(t, http.StatusOK)
		id := created.Field(actor + ".id")
		if got := actorIn(t, s.caller().Do(t, http.MethodPost, refreshPath, token, nil).Need(t, http.StatusOK).Field("token")); got != id {
			t.Errorf("who logged in first is %q, want %s", got, id)
		}
		v.is(t, id)
		g.Shut(true)
		if got := actorIn(t, v.signIn(t)); got != id {
			t.Errorf("while Medusa is down they are %q, want %s", got, id)
		}
		g.Shut(false)
	}
}

// A customer whom Medusa had before adds an account elsewhere, and gives the
// password up: the one that Medusa still has opens nothing.
func visitorsLink(t *testing.T, g *e2e.Gate, s *shop) {
	c := s.caller()
	const email = "old@linking.visitors.example.com"
	id := s.backend.customer(t, email)
	v := visitor{s, "customer", "work@linking.visitors.example.com"}
	token := c.login(t, "customer", email, password)
	query, err := v.begin(t, token, map[string]bool{"link": true})
	if err != nil {
		t.Fatal(err)
	}
	linked := c.Do(t, http.MethodGet, "/auth/customer/sso/callback?"+query.Encode(), token, nil).Need(t, http.StatusOK).Field("token")
	for name, token := range map[string]string{"linked": linked, "logged in": v.signIn(t)} {
		if got := actorIn(t, token); got != id {
			t.Errorf("%s as %q, want %s", name, got, id)
		}
		if got := c.Do(t, http.MethodGet, mePath, token, nil).Need(t, http.StatusOK).Field("customer.id"); got != id {
			t.Errorf("%s as %s, want %s", name, got, id)
		}
	}
	if n := len(g.Asked("POST " + shadowPath)); n != 0 {
		t.Errorf("%d shadows beside the identity that Medusa has", n)
	}

	if a := c.Do(t, http.MethodDelete, "/auth/customer/emailpass", token, nil).Need(t, http.StatusOK); !json.Valid([]byte(a.Body)) {
		t.Errorf("the answer is %s", a.Body)
	}
	s.backend.caller().login(t, "customer", email, password) // Medusa has not changed
	for range 2 {
		for _, spelling := range []string{email, "Old@Linking.visitors.example.com"} {
			c.Do(t, http.MethodPost, loginPath, "", credentials(spelling, password)).Need(t, http.StatusUnauthorized)
		}
	}
	needTaken(t, c.Do(t, http.MethodPost, registerPath, "", credentials(email, changed)))
	needTaken(t, c.Do(t, http.MethodPost, registerPath, "", credentials(email, password)))
	c.Do(t, http.MethodGet, mePath, token, nil).Need(t, http.StatusUnauthorized)
	if got := actorIn(t, v.signIn(t)); got != id {
		t.Errorf("by the account elsewhere they are %q, want %s", got, id)
	}
	s.caddy.Restart()
	c.Do(t, http.MethodPost, loginPath, "", credentials(email, password)).Need(t, http.StatusUnauthorized)
	if got := actorIn(t, v.signIn(t)); got != id {
		t.Errorf("by the account elsewhere they are %q, want %s", got, id)
	}
}
