package medusa_test

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusa"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// A sign-up whose answer got lost is picked up again after the key was rotated,
// while the old one is kept. It is still not given away once it is somebody, nor
// is what others made.
func TestShadowAfterARotation(t *testing.T) {
	t.Parallel()
	m := identitytest.NewMedusa(t, secret)
	with := func(key string, previous ...string) *medusa.Backend {
		return newBackend(t, m.Server.URL, func(c *medusa.Config) {
			c.Key, c.Timeout = identity.NewSecret(key), time.Minute
			for _, k := range previous {
				c.PreviousKeys = append(c.PreviousKeys, identity.NewSecret(k))
			}
		})
	}
	first, err := with("first").Shadow(t.Context(), "customer", entry("jane@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	rotated := with("third", "second", "first")
	for range 2 {
		if again, err := rotated.Shadow(t.Context(), "customer", entry("jane@example.com")); again.ID != first.ID || err != nil {
			t.Errorf("got %+v, %v, want %+v", again, err, first)
		}
	}
	if _, err := with("third", "second").Shadow(t.Context(), "customer", entry("jane@example.com")); !errors.Is(err, identity.ErrExists) {
		t.Errorf("without its key: %v", err)
	}
	m.Account("old@example.com", "hers", "")
	if _, err := rotated.Shadow(t.Context(), "customer", entry("old@example.com")); !errors.Is(err, identity.ErrExists) {
		t.Errorf("somebody else's account: %v", err)
	}
	m.MakeUser("jane@example.com", "user_jane")
	if account, err := rotated.Shadow(t.Context(), "customer", entry("jane@example.com")); err != nil || len(account.AppMetadata) != 1 {
		t.Errorf("when it is somebody: %+v, %v", account, err)
	}
	third := identity.ProviderIdentity{Provider: "google", EntityID: "1", Key: "1"}
	if _, err := with("first").Shadow(t.Context(), "customer", third); err != nil {
		t.Fatal(err)
	}
	if _, err := rotated.Shadow(t.Context(), "customer", third); err != nil {
		t.Errorf("of a third party: %v", err)
	}
}
