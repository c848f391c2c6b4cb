//go:build unix && medusa

package medusa

import (
	"net/http"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// user makes a user at Medusa, past the sidecar, and returns the id.
func (s *medusa) user(t *testing.T, email string) string {
	t.Helper()
	c := s.caller()
	token := c.Do(t, http.MethodPost, userRegisterPath, "", credentials(email, password)).Need(t, http.StatusOK).Field("token")
	return c.Do(t, http.MethodPost, acceptPath+"?token="+s.invite(t, email), token,
		map[string]string{"first_name": "Ada"}).Need(t, http.StatusOK).Field("user.id")
}

// Something befalls a request to Medusa while somebody becomes a user; whoever
// tries again becomes one user.
func testProvisioned(t *testing.T, backend *medusa) {
	for moment, path := range map[string]string{"the shadow": shadowPath, "the user": provisionPath} {
		for kind, befall := range e2e.Befalls {
			name := moment + " " + kind
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				g := newGate(t, backend)
				s := openShop(t, backend, g.Addr(), newThirdParties(t, "").setup())
				v := visitor{s, "user", mailbox(name) + "@provisioned.example.com"}
				befall(t, g, s.caddy, "POST "+path, func() { v.try(t) })
				v.persist(t)
			})
		}
	}
	t.Run("asked again", func(t *testing.T) {
		t.Parallel()
		g := newGate(t, backend)
		s := openShop(t, backend, g.Addr(), newThirdParties(t, "").setup())
		testProvisionedAgain(t, g, visitor{s, "user", "again@provisioned.example.com"})
	})
	t.Run("who", func(t *testing.T) {
		t.Parallel()
		g := newGate(t, backend)
		p := newThirdParties(t, "")
		set := p.setup()
		set.realm += "\nrevocation strict"
		testProvisionedWho(t, g, p, openShop(t, backend, g.Addr(), set))
	})
}

// The answer was lost, or Medusa did not answer, and the dashboard asks with the
// token that it has.
func testProvisionedAgain(t *testing.T, g *e2e.Gate, v visitor) {
	c := v.shop.caller()
	token := v.signIn(t)
	g.Once("POST "+provisionPath, e2e.Lost)
	c.Do(t, http.MethodPost, "/auth/sso/user", token, nil).NeedRetryAfter(t)
	g.Once("POST "+provisionPath, e2e.AnswerIsLost)
	c.Do(t, http.MethodPost, "/auth/sso/user", token, nil).NeedRetryAfter(t)
	g.Met(t)
	a := c.Do(t, http.MethodPost, "/auth/sso/user", token, nil).Need(t, http.StatusBadRequest)
	if a.Body != `{"type":"invalid_data","message":"The user is already registered and cannot create a new account."}` {
		t.Errorf("the refusal is %s", a.Body)
	}
	id := actorIn(t, c.Do(t, http.MethodPost, refreshPath, token, nil).Need(t, http.StatusOK).Field("token"))
	v.is(t, id)

	// An admin deletes them: they are logged out, and nobody until they ask again.
	old := v.signIn(t)
	admin := c.login(t, "user", adminEmail, adminPassword)
	c.Do(t, http.MethodDelete, "/admin/users/"+id, admin, nil).Need(t, http.StatusOK)
	c.Do(t, http.MethodGet, selfPath, old, nil).Need(t, http.StatusUnauthorized)
	if got := actorIn(t, v.signIn(t)); got != "" {
		t.Errorf("the deleted user is %s", got)
	}
	if again := v.persist(t); again == id {
		t.Error("the deleted user is back")
	}
}

// Medusa links to the user who has the address. It learns only of one that the
// provider has verified.
func testProvisionedWho(t *testing.T, g *e2e.Gate, p *thirdParties, s *shop) {
	c, backend := s.caller(), s.backend
	ada := visitor{s, "user", "ada@provisioned.example.com"}
	id := backend.user(t, ada.email)
	mine := `{"user_id": "` + id + `"}`

	p.unverified(true)
	token := ada.signIn(t)
	a := c.Do(t, http.MethodPost, "/auth/sso/user", token, nil).Need(t, http.StatusBadRequest)
	if a.Body != `{"type":"invalid_data","message":"Email is required to create a user account."}` {
		t.Errorf("the refusal is %s", a.Body)
	}
	if n := len(g.Asked("POST " + provisionPath)); n != 0 {
		t.Errorf("Medusa was asked for a user %d times", n)
	}
	if got := actorIn(t, c.Do(t, http.MethodPost, refreshPath, token, nil).Need(t, http.StatusOK).Field("token")); got != "" {
		t.Errorf("they are %s", got)
	}
	new := visitor{s, "user", "nobody@provisioned.example.com"}
	c.Do(t, http.MethodPost, "/auth/sso/user", new.signIn(t), nil).Need(t, http.StatusBadRequest)
	if got := backend.Postgres.Query(t, `select count(*) from "user" where email = '`+new.email+`'`); got != "0" {
		t.Errorf("Medusa has %s users of an address that nobody verified", got)
	}
	backend.hasIdentity(t, ada.email, mine)

	p.unverified(false)
	token = ada.signIn(t)
	if got := c.Do(t, http.MethodPost, "/auth/sso/user", token, nil).Need(t, http.StatusOK).Field("user.id"); got != id {
		t.Errorf("the user is %s, want %s", got, id)
	}
	token = c.Do(t, http.MethodPost, refreshPath, token, nil).Need(t, http.StatusOK).Field("token")
	if got := c.Do(t, http.MethodGet, selfPath, token, nil).Need(t, http.StatusOK).Field("user.id"); got != id || actorIn(t, token) != id {
		t.Errorf("the user is %s, want %s", got, id)
	}
	backend.hasShadow(t, "user", id)
	backend.hasIdentity(t, ada.email, mine)
	if got := actorIn(t, c.login(t, "user", ada.email, password)); got != id {
		t.Errorf("by password the user is %q, want %s", got, id)
	}

	// Nobody but somebody of that provider, who is nobody yet.
	c.Do(t, http.MethodPost, "/auth/github/user", token, nil).Need(t, http.StatusBadRequest)
	c.Do(t, http.MethodPost, "/auth/github/user", new.signIn(t), nil).Need(t, http.StatusUnauthorized)
	shopper := visitor{s, "customer", "shopper@provisioned.example.com"}
	c.Do(t, http.MethodPost, "/auth/sso/user", shopper.signIn(t), nil).Need(t, http.StatusUnauthorized)

	// An admin deletes her, who has two identities at Medusa by now.
	old := ada.signIn(t)
	admin := c.login(t, "user", adminEmail, adminPassword)
	c.Do(t, http.MethodDelete, "/admin/users/"+id, admin, nil).Need(t, http.StatusOK)
	c.Do(t, http.MethodGet, selfPath, old, nil).Need(t, http.StatusUnauthorized)
	c.Do(t, http.MethodPost, userLoginPath, "", credentials(ada.email, password)).Need(t, http.StatusUnauthorized)
	token = ada.signIn(t)
	if got := actorIn(t, token); got != "" {
		t.Errorf("the deleted user is %s", got)
	}
	c.Do(t, http.MethodGet, "/admin/customers?limit=1", token, nil).Need(t, http.StatusUnauthorized)
}
