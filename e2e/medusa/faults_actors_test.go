//go:build unix && medusa

package medusa

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

const (
	userRegisterPath = "/auth/user/emailpass/register"
	userLoginPath    = "/auth/user/emailpass"
	acceptPath       = "/admin/invites/accept"
	selfPath         = "/admin/users/me"
)

// Only Medusa knows that somebody is a customer, for its answer was lost.
// Whatever happens while the sidecar asks for it, the next one to ask is that
// customer.
func testLinking(t *testing.T, backend *medusa) {
	for _, path := range []string{refreshPath, loginPath} {
		for kind, befall := range e2e.Befalls {
			name := map[string]string{refreshPath: "refresh", loginPath: "login"}[path] + " " + kind
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				g := newGate(t, backend)
				s := newShop(t, backend, g.Addr())
				c := s.caller()
				n := newcomer{s, mailbox(name) + "@linking.example.com"}
				person := credentials(n.email, password)
				token := c.Do(t, http.MethodPost, registerPath, "", person).Need(t, http.StatusOK).Field("token")
				g.Once("POST "+createPath, e2e.AnswerIsLost)
				_, _ = c.post(t, createPath, token, map[string]string{"email": n.email})
				g.Met(t)
				befall(t, g, s.caddy, "POST "+refreshPath, func() {
					a, err := c.post(t, path, token, person)
					if err == nil && (a.Status != http.StatusOK || actorIn(t, a.Field("token")) != "") {
						t.Errorf("nobody knows of the customer, but the answer is %d: %s", a.Status, a.Body)
					}
				})
				token = c.Do(t, http.MethodPost, path, token, person).Need(t, http.StatusOK).Field("token")
				n.isCustomer(t, actorIn(t, token))
			})
		}
	}
}

// staff is somebody who becomes a user by an invite, however often it takes.
type staff struct {
	shop          *shop
	email, invite string
}

func newStaff(t *testing.T, s *shop, email string) staff {
	t.Helper()
	return staff{s, email, s.backend.invite(t, email)}
}

// try registers, or logs in if the address is taken, accepts the invite unless
// there is a user, and returns the user's id, "" when a step failed in a way that
// one tries again after.
func (n staff) try(t *testing.T) string {
	t.Helper()
	c := n.shop.caller()
	person := credentials(n.email, password)
	a, err := c.post(t, userRegisterPath, "", person)
	if err == nil && a.Status == http.StatusUnauthorized {
		a, err = c.post(t, userLoginPath, "", person)
	}
	if err != nil || a.Status >= 500 {
		return ""
	}
	token := a.Need(t, http.StatusOK).Field("token")
	if actorIn(t, token) == "" {
		a, err = c.post(t, acceptPath+"?token="+n.invite, token, map[string]string{"first_name": "Grace"})
		if err != nil || a.Status >= 500 {
			return ""
		}
	}
	return actorIn(t, c.login(t, "user", n.email, password))
}

// isUser checks that Medusa has them once, as a user whom the sidecar logs in.
func (n staff) isUser(t *testing.T, id string) {
	t.Helper()
	backend := n.shop.backend
	list := backend.caller().Do(t, http.MethodGet, "/admin/users?fields=id,email&email="+n.email,
		backend.adminToken(t), nil).Need(t, http.StatusOK)
	var found struct{ Users []struct{ ID string } }
	if err := json.Unmarshal([]byte(list.Body), &found); err != nil {
		t.Fatal(err)
	}
	if len(found.Users) != 1 || found.Users[0].ID != id {
		t.Errorf("the user is %q, Medusa has %s", id, list.Body)
	}
	c := n.shop.caller()
	token := c.login(t, "user", n.email, password)
	if got := c.Do(t, http.MethodGet, selfPath, token, nil).Need(t, http.StatusOK).Field("user.id"); got != id {
		t.Errorf("the user is %q, who logs in is %q", id, got)
	}
	backend.hasIdentity(t, n.email, `{"user_id": "`+id+`"}`)
}

// persist tries until they are a user, and checks that they are one.
func (n staff) persist(t *testing.T) {
	t.Helper()
	for range 5 {
		if id := n.try(t); id != "" {
			n.isUser(t, id)
			return
		}
	}
	t.Fatalf("%s does not become a user", n.email)
}

// Something befalls a request to Medusa while somebody accepts an invite; whoever
// tries again becomes one user.
func testInvites(t *testing.T, backend *medusa) {
	for moment, path := range map[string]string{"the shadow": userRegisterPath, "the user": acceptPath} {
		for kind, befall := range e2e.Befalls {
			name := moment + " " + kind
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				g := newGate(t, backend)
				s := newShop(t, backend, g.Addr())
				n := newStaff(t, s, mailbox(name)+"@invites.example.com")
				befall(t, g, s.caddy, "POST "+path, func() { n.try(t) })
				n.persist(t)
			})
		}
	}
}

// An admin deletes somebody. Whatever happens to the request, it can be repeated:
// who was deleted is logged out then, and the address registers again.
func testDeletion(t *testing.T, backend *medusa) {
	for kind, befall := range e2e.Befalls {
		t.Run("customer "+kind, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, backend)
			s := newShop(t, backend, g.Addr())
			n := newcomer{s, mailbox(kind) + "@deletion.example.com"}
			id := n.try(t)
			old := s.caller().login(t, "customer", n.email, password)
			s.delete(t, g, befall, "/admin/customers/"+id)
			if again := s.forgotten(t, "customer", n.email, old, mePath, n.try); again == id {
				t.Error("the deleted customer is back")
			} else {
				n.isCustomer(t, again)
			}
		})
		t.Run("user "+kind, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, backend)
			s := newShop(t, backend, g.Addr())
			n := newStaff(t, s, "user."+mailbox(kind)+"@deletion.example.com")
			id := n.try(t)
			n.isUser(t, id)
			old := s.caller().login(t, "user", n.email, password)
			s.delete(t, g, befall, "/admin/users/"+id)
			n.invite = backend.invite(t, n.email)
			if again := s.forgotten(t, "user", n.email, old, selfPath, n.try); again == id {
				t.Error("the deleted user is back")
			} else {
				n.isUser(t, again)
			}
		})
	}
}

// delete has the admin delete somebody, once with the fault and then again.
func (s *shop) delete(t *testing.T, g *e2e.Gate, befall e2e.Befall, path string) {
	t.Helper()
	c := s.caller()
	admin := c.login(t, "user", adminEmail, adminPassword)
	befall(t, g, s.caddy, "DELETE "+path, func() {
		if a, err := c.Try(t, http.MethodDelete, path, admin, nil); err == nil && a.Status < 500 {
			t.Errorf("the deletion is answered %d: %s", a.Status, a.Body)
		}
	})
	c.Do(t, http.MethodDelete, path, admin, nil).Need(t, http.StatusOK)
}

// forgotten checks that nothing of the deleted one counts any more, and returns
// who registers with the address afterwards.
func (s *shop) forgotten(t *testing.T, actor, email, old, me string, register func(*testing.T) string) string {
	t.Helper()
	c := s.caller()
	c.Do(t, http.MethodGet, me, old, nil).Need(t, http.StatusUnauthorized)
	c.Do(t, http.MethodPost, refreshPath, old, nil).Need(t, http.StatusNotFound) // as Medusa says it
	c.Do(t, http.MethodPost, "/auth/"+actor+"/emailpass", "", credentials(email, password)).Need(t, http.StatusUnauthorized)
	s.backend.hasIdentity(t, email, "")
	return register(t)
}
