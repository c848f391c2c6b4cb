package identity_test

import (
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Staff are not reset by the way of customers (attack E5).
func TestResetOfAnotherActorType(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	claims := r.register(t, "ann@example.com", "secret")
	issue := func(actorType string) *identity.Notification {
		t.Helper()
		if err := r.RequestReset(t.Context(), actorType, "emailpass", "ann@example.com", nil); err != nil {
			t.Fatal(err)
		}
		n, err := r.IssueReset(t.Context(), r.queue.requests[len(r.queue.requests)-1])
		if err != nil {
			t.Fatal(err)
		}
		r.forward(2 * time.Minute)
		return n
	}
	if issue("customer") == nil {
		t.Error("nobody is told while the identity is no actor yet")
	}
	if err := r.Link(t.Context(), claims.IdentityID, "user", "user_1"); err != nil {
		t.Fatal(err)
	}
	if issue("customer") != nil {
		t.Error("a user's password can be reset as a customer")
	}
	if issue("user") == nil {
		t.Error("a user's password cannot be reset as a user")
	}
	if err := r.Link(t.Context(), claims.IdentityID, "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	if issue("customer") == nil {
		t.Error("an identity that is both cannot be reset as a customer")
	}
}

// A token does not outlive the policy that it was made under.
func TestRefreshAsksThePolicy(t *testing.T) {
	t.Parallel()
	r := newRealm(t, func(c *identity.Config) {
		c.Actors = map[string][]string{"customer": {"emailpass"}}
	})
	claims := r.register(t, "ann@example.com", "secret")
	if _, err := r.Refresh(t.Context(), claims); err != nil {
		t.Fatal(err)
	}
	for _, c := range []identity.Claims{
		{ActorType: "vendor", IdentityID: claims.IdentityID, Provider: "emailpass", IssuedAt: claims.IssuedAt},
		{ActorType: "customer", IdentityID: claims.IdentityID, Provider: "google", IssuedAt: claims.IssuedAt},
	} {
		_, err := r.Refresh(t.Context(), c)
		if identity.CodeOf(err) != identity.CodeUnauthorized || identity.ReasonOf(err) != "provider_not_allowed" {
			t.Errorf("%s by %s: %v", c.ActorType, c.Provider, err)
		}
	}
}

// Whoever logs in with the old password while it is being replaced gets a token
// that is dead already, however long the check took.
func TestLoginThatARevocationOvertakes(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	r.register(t, "ann@example.com", "secret")
	token := issue(t, r, ask(t, r, "ann@example.com"))
	overtaken := false
	r.store.after = func(method string) { // the identity has been read, its password is being checked
		if method != "Find" || overtaken {
			return
		}
		overtaken = true
		r.forward(2 * time.Second)
		if err := r.Update(t.Context(), "customer", "emailpass", token, credentials("", "changed")); err != nil {
			t.Error(err)
		}
		r.forward(2 * time.Second)
	}
	claims, err := r.login(t, "ann@example.com", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if r.identity(t, claims.IdentityID).Valid(time.Unix(claims.IssuedAt, 0)) {
		t.Error("a token from the old password is good after the reset")
	}
}

// So does who logs in by the older dialect, which reads the identity again to make
// it a customer.
func TestSignInThatARevocationOvertakes(t *testing.T) {
	t.Parallel()
	s := newV1Shop(t, nil)
	registered, err := s.Register(t.Context(), "customer", "emailpass", credentials("ann@example.com", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	overtaken := false
	s.store.after = func(method string) { // the identity has been read, its password is being checked
		if method != "Find" || overtaken {
			return
		}
		overtaken = true
		if err := s.Revoke(t.Context(), registered.IdentityID); err != nil {
			t.Error(err)
		}
	}
	claims, err := s.SignIn(t.Context(), "customer", credentials("ann@example.com", "secret"))
	if err == nil {
		_, err = s.Current(t.Context(), claims)
	}
	wantAnswer(t, err, "unauthorized")
	if i, err := s.store.Identity(t.Context(), registered.IdentityID); err != nil || i.HasActor() || !overtaken {
		t.Errorf("became %+v, %v", i, err)
	}
}

// A reset by the older dialect makes claims of what it did itself: they do not
// outlive a revocation that comes before they are made, and nobody becomes a
// customer by them.
func TestResetPasswordThatARevocationOvertakes(t *testing.T) {
	t.Parallel()
	for _, overtaken := range []bool{false, true} {
		s := newV1Shop(t, nil)
		registered, err := s.Register(t.Context(), "customer", "emailpass", credentials("ann@example.com", "secret"))
		if err != nil {
			t.Fatal(err)
		}
		token := s.resetToken("customer", "ann@example.com")
		finished := false
		s.store.after = func(method string) {
			if method != "FinishReset" || finished {
				return
			}
			if finished = true; !overtaken {
				return
			}
			if err := s.Revoke(t.Context(), registered.IdentityID); err != nil {
				t.Error(err)
			}
		}
		claims, err := s.ResetPassword(t.Context(), "customer", "ann@example.com", token, credentials("", "changed"))
		if err == nil {
			_, err = s.Current(t.Context(), claims)
		}
		if overtaken {
			wantAnswer(t, err, "unauthorized")
		} else if err != nil || claims.ActorID == "" {
			t.Errorf("got %+v, %v", claims, err)
		}
		if i, err := s.store.Identity(t.Context(), registered.IdentityID); err != nil || i.HasActor() == overtaken || !finished {
			t.Errorf("became %+v, %v", i, err)
		}
	}
}

// Who is nobody on this side of the shop keeps the password, and the token.
func TestResetPasswordWithoutAnActor(t *testing.T) {
	t.Parallel()
	s := newV1Shop(t, nil)
	registered, err := s.Register(t.Context(), "customer", "emailpass", credentials("ann@example.com", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	for _, reset := range [][2]string{{"user", ""}, {"customer", "user"}} {
		actorType, other := reset[0], reset[1]
		token := s.resetToken(actorType, "ann@example.com")
		if other != "" { // since the mail went out
			if err := s.Link(t.Context(), registered.IdentityID, other, other+"_1"); err != nil {
				t.Fatal(err)
			}
		}
		_, err = s.ResetPassword(t.Context(), actorType, "ann@example.com", token, credentials("", "changed"))
		if identity.CodeOf(err) != identity.CodeUnauthorized || identity.ReasonOf(err) != "actor_missing" {
			t.Errorf("as %s: %v", actorType, err)
		}
		if _, err := s.Authenticate(t.Context(), "customer", "emailpass", credentials("ann@example.com", "secret")); err != nil {
			t.Errorf("as %s: the password that was: %v", actorType, err)
		}
		if other == "" {
			s.now = s.now.Add(2 * time.Minute)
			continue
		}
		if err := s.Link(t.Context(), registered.IdentityID, actorType, actorType+"_1"); err != nil {
			t.Fatal(err)
		}
		c, err := s.ResetPassword(t.Context(), actorType, "ann@example.com", token, credentials("", "changed"))
		if err != nil || c.ActorID != actorType+"_1" {
			t.Errorf("once an actor: %+v, %v", c, err)
		}
	}
}
