package medusav1_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusav1"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// calls are those of the port, for an account that exists.
var calls = map[string]func(ctx context.Context, b *medusav1.Backend, id, reset string) error{
	"Provision": func(ctx context.Context, b *medusav1.Backend, _, _ string) error {
		_, err := b.Provision(ctx, "customer", entry, nil)
		return err
	},
	"Person": func(ctx context.Context, b *medusav1.Backend, id, _ string) error {
		_, err := b.Person(ctx, "customer", id)
		return err
	},
	"Exists": func(ctx context.Context, b *medusav1.Backend, _, _ string) error {
		_, err := b.Exists(ctx, "customer", address)
		return err
	},
	"Exists, a user": func(ctx context.Context, b *medusav1.Backend, _, _ string) error {
		_, err := b.Exists(ctx, "user", address)
		return err
	},
	"Migrate": func(ctx context.Context, b *medusav1.Backend, _, _ string) error {
		_, err := b.Migrate(ctx, "customer", address, "cust0mer")
		return err
	},
	"Seal": func(ctx context.Context, b *medusav1.Backend, id, _ string) error {
		return b.Seal(ctx, "customer", id, entry)
	},
	"UseReset": func(ctx context.Context, b *medusav1.Backend, _, reset string) error {
		_, err := b.UseReset(ctx, "customer", reset, entry)
		return err
	},
	"Trusted": func(ctx context.Context, b *medusav1.Backend, _, _ string) error { return b.Trusted(ctx) },
}

// Whatever goes wrong at the backend is no answer to the question.
func TestFaultsAreUnavailable(t *testing.T) {
	t.Parallel()
	for name, call := range calls {
		for _, fault := range []identitytest.MedusaFault{identitytest.MedusaFails, identitytest.MedusaLoses, identitytest.MedusaHangs} {
			t.Run(name+", "+string(fault), func(t *testing.T) {
				t.Parallel()
				m, b := start(t)
				id := m.Customer(address, "cust0mer")
				if err := b.RequestReset(t.Context(), "customer", address); err != nil {
					t.Fatal(err)
				}
				_, reset := m.Requested()
				m.Fault("", fault)
				if err := call(t.Context(), b, id, reset); identity.CodeOf(err) != identity.CodeUnavailable {
					t.Errorf("error %v, want unavailable", err)
				}
			})
		}
	}
}

// Medusa says 400 of a user who is gone, and of every user when it cannot ask its
// database. Nobody is gone by that.
func TestUserWithoutADatabaseIsUnknown(t *testing.T) {
	t.Parallel()
	m, b := start(t)
	id := m.User("staff@example.com", "st4ff")
	m.Break(true)
	for _, id := range []string{id, "usr_none"} {
		if _, err := b.Person(t.Context(), "user", id); identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("%s: %v", id, err)
		}
	}
	m.Break(false)
	if person, err := b.Person(t.Context(), "user", id); err != nil || person.ActorID != id {
		t.Errorf("got %+v, %v", person, err)
	}
	if _, err := b.Person(t.Context(), "user", "usr_none"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("nobody is %v", err)
	}
}

// A backend with another secret must not be taken for one that knows nobody.
func TestWrongSecretIsUnavailable(t *testing.T) {
	t.Parallel()
	m, _ := start(t)
	id := m.Customer(address, "cust0mer")
	b := open(t, m, strings.Repeat("w", 32))
	for _, name := range []string{"Person", "Exists, a user", "Provision", "Seal", "Trusted"} {
		if err := calls[name](t.Context(), b, id, ""); identity.ReasonOf(err) != "backend_secret" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTrustedAsksAgainWhenInDoubt(t *testing.T) {
	t.Parallel()
	m, b := start(t)
	if err := b.Trusted(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.SetSecret("another")
	if err := b.Trusted(t.Context()); err != nil {
		t.Errorf("it was asked again: %v", err)
	}
	b.Doubt()
	if err := b.Trusted(t.Context()); identity.ReasonOf(err) != "backend_secret" {
		t.Errorf("error %v", err)
	}
}

func TestNewChecksItsConfiguration(t *testing.T) {
	t.Parallel()
	good := medusav1.Config{
		URL: "http://medusa:9000", Tokens: noTokens{}, Secret: identity.NewSecret("s"), Key: identity.NewSecret("k"), Logger: slog.New(slog.DiscardHandler),
	}
	if _, err := medusav1.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*medusav1.Config){
		"no tokens": func(c *medusav1.Config) { c.Tokens = nil },
		"no secret": func(c *medusav1.Config) { c.Secret = identity.Secret{} },
		"no key":    func(c *medusav1.Config) { c.Key = identity.Secret{} },
		"no logger": func(c *medusav1.Config) { c.Logger = nil },
		"no scheme": func(c *medusav1.Config) { c.URL = "medusa:9000" },
		"a user":    func(c *medusav1.Config) { c.URL = "http://me@medusa:9000" },
		"a timeout": func(c *medusav1.Config) { c.Timeout = -1 },
	} {
		bad := good
		spoil(&bad)
		if _, err := medusav1.New(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
