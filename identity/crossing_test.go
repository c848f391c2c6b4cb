package identity_test

import (
	"testing"

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
		r.forward(1e9)
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
