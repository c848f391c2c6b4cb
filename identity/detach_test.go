package identity_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const lastProvider = "not_allowed: The last way to log in cannot be removed"

func TestRemoveProvider(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	old := r.register(t, "ann@example.com", "secret")
	id := old.IdentityID
	if err := r.Link(t.Context(), id, "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	other, err := r.link(t, id, "google", "ann")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.RemoveProvider(t.Context(), old, "github")
	wantRefused(t, err, "not_found: No github account is linked", "provider_not_linked")

	fresh, err := r.RemoveProvider(t.Context(), old, "google")
	if err != nil || fresh == nil {
		t.Fatal(fresh, err)
	}
	i := r.identity(t, id)
	if len(i.Providers) != 1 || len(r.told()) != 1 || r.told()[0] != id {
		t.Errorf("%+v, told of %q", i, r.told())
	}
	// All credentials die, but for the one that is given in exchange.
	for _, c := range []identity.Claims{old, other} {
		if c.IssuedAt >= i.ValidFrom.Unix() {
			t.Errorf("issued at %d, valid from %d", c.IssuedAt, i.ValidFrom.Unix())
		}
		_, err := r.Refresh(t.Context(), c)
		wantRefused(t, err, "unauthorized", "revoked")
	}
	if fresh.IssuedAt < i.ValidFrom.Unix() || fresh.Provider != "emailpass" || fresh.ActorID != "cus_1" || fresh.ActorType != "customer" || fresh.IdentityID != id {
		t.Errorf("%s, valid from %d", encode(t, *fresh), i.ValidFrom.Unix())
	}
	if _, err := r.Refresh(t.Context(), *fresh); err != nil {
		t.Error(err)
	}
	// Whoever comes by the removed account is somebody else, who may be linked again.
	stranger, err := r.come(t, "google", "ann")
	if err != nil || stranger.IdentityID == id || stranger.ActorID != "" {
		t.Errorf("%s, %v", encode(t, stranger), err)
	}
	_, err = r.RemoveProvider(t.Context(), *fresh, "google")
	wantRefused(t, err, "not_found: No google account is linked", "provider_not_linked")
	_, err = r.RemoveProvider(t.Context(), *fresh, "emailpass")
	wantRefused(t, err, lastProvider, "provider_last")
	_, err = r.RemoveProvider(t.Context(), identity.Claims{IdentityID: "authid_gone", ActorType: "customer"}, "google")
	wantRefused(t, err, "unauthorized", "identity_gone")
}

// Who came by what is removed is logged out.
func TestRemoveOwnProvider(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	c := r.register(t, "ann@example.com", "secret")
	if _, err := r.link(t, c.IdentityID, "google", "ann"); err != nil {
		t.Fatal(err)
	}
	if fresh, err := r.RemoveProvider(t.Context(), c, "emailpass"); err != nil || fresh != nil {
		t.Error(fresh, err)
	}
	_, err := r.Refresh(t.Context(), c)
	wantRefused(t, err, "unauthorized", "revoked")
	_, err = r.login(t, "ann@example.com", "secret")
	wantAnswer(t, err, "unauthorized: Invalid email or password")
	again, err := r.come(t, "google", "ann")
	if err != nil || again.IdentityID != c.IdentityID {
		t.Errorf("%+v, %v", again, err)
	}
	// The address is free.
	if other := r.register(t, "ann@example.com", "secret"); other.IdentityID == c.IdentityID {
		t.Error("the removed address led to the identity")
	}
}

// What remains must be a way that people of that actor type may use.
func TestRemoveLastUsableProvider(t *testing.T) {
	t.Parallel()
	r := newRealm(t, func(c *identity.Config) {
		c.Actors = map[string][]string{"customer": {"emailpass", "google"}, "vendor": {"github"}, "user": {"emailpass"}}
	})
	c := r.register(t, "ann@example.com", "secret")
	if _, err := r.link(t, c.IdentityID, "google", "ann"); err != nil {
		t.Fatal(err)
	}
	for _, entry := range []string{"github", "no-more-configured"} {
		err := r.store.AddProvider(t.Context(), c.IdentityID, identity.ProviderIdentity{Provider: entry, EntityID: "ann", Key: "ann"}, anytime)
		if err != nil {
			t.Fatal(err)
		}
	}
	c.ActorType = "vendor"
	_, err := r.RemoveProvider(t.Context(), c, "github")
	wantRefused(t, err, lastProvider, "provider_last")
	c.ActorType = "user"
	_, err = r.RemoveProvider(t.Context(), c, "emailpass")
	wantRefused(t, err, lastProvider, "provider_last")
	c.ActorType = "customer"
	fresh, err := r.RemoveProvider(t.Context(), c, "google")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.RemoveProvider(t.Context(), *fresh, "emailpass")
	wantRefused(t, err, lastProvider, "provider_last")
	if fresh, err = r.RemoveProvider(t.Context(), *fresh, "no-more-configured"); err != nil || fresh == nil {
		t.Error(err)
	}
}

// Two at once leave one.
func TestRemoveBothProviders(t *testing.T) {
	t.Parallel()
	for range 10 {
		r := newRealm(t, nil)
		c := r.register(t, "ann@example.com", "secret")
		if _, err := r.link(t, c.IdentityID, "google", "ann"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		answers := make([]string, 2)
		for n, provider := range []string{"emailpass", "google"} {
			wg.Go(func() {
				_, err := r.RemoveProvider(context.WithoutCancel(t.Context()), c, provider)
				answers[n] = answer(err)
			})
		}
		wg.Wait()
		if len(r.identity(t, c.IdentityID).Providers) != 1 || answers[0] == answers[1] {
			t.Errorf("%q", answers)
		}
	}
}

// Several removals in one second: each ends what the one before gave.
func TestRemovalsInOneSecond(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	c := r.register(t, "ann@example.com", "secret")
	for _, provider := range []string{"google", "github"} {
		if _, err := r.link(t, c.IdentityID, provider, "ann"); err != nil {
			t.Fatal(err)
		}
	}
	first, err := r.RemoveProvider(t.Context(), c, "google")
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.RemoveProvider(t.Context(), *first, "github")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Refresh(t.Context(), *first)
	wantRefused(t, err, "unauthorized", "revoked")
	if _, err = r.Refresh(t.Context(), *second); err != nil || second.IssuedAt != start.Add(2*time.Second).Unix() {
		t.Error(err)
	}
}
