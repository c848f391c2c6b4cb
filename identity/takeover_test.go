package identity_test

import (
	"errors"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

const (
	registering      = "POST /auth/customer/emailpass/register"
	registeringShade = "POST /auth/sidecar/emailpass/register"
)

// down lets Medusa register nobody, or lets it do so again.
func (b *behind) down(fault identitytest.MedusaFault) {
	b.medusa.Fault(registering, fault)
	b.medusa.Fault(registeringShade, fault)
}

// Ann removes her password. Whoever takes her address afterwards, while Medusa
// is there or while it is down, never becomes the customer that she is.
func TestNextOwnerOfARemovedAddress(t *testing.T) {
	t.Parallel()
	for name, mirror := range map[string]bool{"mirror": true, "random": false} {
		for _, when := range []string{"Medusa is there", "Medusa is down"} {
			t.Run(name+", "+when, func(t *testing.T) {
				t.Parallel()
				b := newBehind(t, mirror)
				in := credentials("ann@example.com", "hers")
				ann, err := b.Register(t.Context(), "customer", "emailpass", in)
				if err != nil {
					t.Fatal(err)
				}
				if err := b.Store.AddProvider(t.Context(), ann.IdentityID, identity.ProviderIdentity{Provider: "sso", EntityID: "ann", Key: "ann"}, anytime); err != nil {
					t.Fatal(err)
				}
				// As nobody's, her shadow would go to the next.
				_, err = b.RemoveProvider(t.Context(), ann, "emailpass")
				wantRefused(t, err, "not_allowed: Complete the registration before removing a way to log in", "provider_of_nobody")
				b.medusa.MakeUser(b.medusa.Addresses()[0], "user_ann")
				if err := b.Link(t.Context(), ann.IdentityID, "user", "user_ann"); err != nil {
					t.Fatal(err)
				}
				if _, err := b.RemoveProvider(t.Context(), ann, "emailpass"); err != nil {
					t.Fatal(err)
				}

				if when == "Medusa is down" {
					b.down(identitytest.MedusaFails)
				}
				eve, err := b.Register(t.Context(), "customer", "emailpass", credentials("ann@example.com", "eve's"))
				b.down("")
				if when == "Medusa is down" {
					if err != nil || eve.IdentityID == ann.IdentityID {
						t.Fatalf("%+v, %v", eve, err)
					}
					_, err = b.Prepare(t.Context(), eve)
				}
				wantRefused(t, err, "unauthorized: Identity with email already exists", "backend_identity_exists")
				if eve.IdentityID == "" {
					return
				}
				if again, err := b.Refresh(t.Context(), eve); err != nil || again.ActorID != "" {
					t.Errorf("refreshed to %+v, %v", again, err)
				}
			})
		}
	}
}

// A site of the same realm that has no backend is no way around that.
func TestNextOwnerByAnotherSite(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	b.down(identitytest.MedusaFails)
	eve := b.register("customer", "ann@example.com")
	b.down("")
	if err := b.Store.AddProvider(t.Context(), eve.IdentityID, identity.ProviderIdentity{Provider: "sso", EntityID: "eve", Key: "eve"}, anytime); err != nil {
		t.Fatal(err)
	}
	if id, err := b.Prepare(t.Context(), eve); err != nil || id == "" { // her shadow has Ann's address
		t.Fatal(id, err)
	}
	other, err := identity.NewService(b.Config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.RemoveProvider(t.Context(), eve, "emailpass")
	wantRefused(t, err, "not_allowed: Complete the registration before removing a way to log in", "provider_of_nobody")
	// Nobody's shadow is in the way of whoever has none.
	plain, err := other.Register(t.Context(), "customer", "emailpass", credentials("bob@example.com", "his"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Store.AddProvider(t.Context(), plain.IdentityID, identity.ProviderIdentity{Provider: "sso", EntityID: "bob", Key: "bob"}, anytime); err != nil {
		t.Fatal(err)
	}
	if _, err := other.RemoveProvider(t.Context(), plain, "emailpass"); err != nil {
		t.Error(err)
	}
}

// Somebody removes a third party's account and comes back by it: it is known as
// hers at Medusa, so it is not made another one's. When Redis has lost everybody,
// the third party's word is enough to find her again.
func TestComingBackByARemovedAccount(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	c := b.sso("ada", "ada@example.com")
	if _, err := b.CreateUser(t.Context(), c, "sso"); err != nil {
		t.Fatal(err)
	}
	if err := b.Store.AddProvider(t.Context(), c.IdentityID, identity.ProviderIdentity{Provider: "emailpass", EntityID: "ada@example.com", Key: "ada@example.com"}, anytime); err != nil {
		t.Fatal(err)
	}
	c, err := b.Refresh(t.Context(), c)
	if err != nil || c.ActorID == "" {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := b.RemoveProvider(t.Context(), c, "sso"); err != nil {
		t.Fatal(err)
	}
	_, err = b.come("user", "ada", "ada@example.com")
	wantRefused(t, err, "unauthorized: Identity with email already exists", "backend_identity_exists")

	if err := b.redis.Client().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	back := b.sso("ada", "ada@example.com")
	if back.ActorID != c.ActorID {
		t.Errorf("after the loss: %+v", back)
	}
	if _, err := b.Store.ByActor(t.Context(), "user", c.ActorID); errors.Is(err, identity.ErrNotFound) {
		t.Error("not linked")
	}
}

// When Redis has lost everybody, registering an address does not make anybody
// the customer who had it: nothing proves that it is theirs.
func TestRegisteringAfterALoss(t *testing.T) {
	t.Parallel()
	for name, mirror := range map[string]bool{"mirror": true, "random": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBehind(t, mirror)
			if _, err := b.Register(t.Context(), "customer", "emailpass", credentials("ann@example.com", "hers")); err != nil {
				t.Fatal(err)
			}
			b.medusa.MakeUser(b.medusa.Addresses()[0], "user_ann")
			if err := b.redis.Client().FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			_, err := b.Register(t.Context(), "customer", "emailpass", credentials("ann@example.com", "eve's"))
			wantRefused(t, err, "unauthorized: Identity with email already exists", "backend_identity_exists")
		})
	}
}
