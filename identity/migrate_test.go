package identity_test

import (
	"context"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusa"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

const loginRoute = "POST /auth/customer/emailpass"

// node is another process of the same realm, whose calls of the backend take up
// to timeout.
func (b *behind) node(timeout time.Duration) *identity.Service {
	b.t.Helper()
	backend, err := medusa.New(medusa.Config{
		URL: b.medusa.Server.URL, Tokens: b.ring, Key: identity.NewSecret("key"), Logger: slog.New(slog.DiscardHandler), Timeout: timeout,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(backend.Close)
	return b.WithBackend(identity.BackendConfig{Backend: backend, Mirror: true, Migrate: true, Logger: slog.New(slog.DiscardHandler)})
}

// A process that hangs or dies while an account moves over keeps nobody waiting
// at another, and what it still does afterwards changes nothing.
func TestMigrationBesideAProcessThatHangs(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	id := b.medusa.Account("old@example.com", "hers", "cus_old")
	b.medusa.Fault(loginRoute, identitytest.MedusaHangs)
	ctx, kill := context.WithCancel(t.Context())
	hanging, node := make(chan error), b.node(time.Hour)
	go func() {
		_, err := node.Authenticate(ctx, "customer", "emailpass", identity.Input{Body: map[string]any{"email": "old@example.com", "password": "hers"}})
		hanging <- err
	}()
	for b.medusa.Calls(loginRoute) == 0 {
		runtime.Gosched()
	}
	b.medusa.Fault(loginRoute, "")
	if got := b.who("old@example.com", "hers"); got != id {
		t.Errorf("logged in as %s, want %s", got, id)
	}
	kill()
	if err := <-hanging; identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("the one that hung: %v", err)
	}
}

// Two processes move the same account over at once: it is one, and both log in.
func TestMigrationByTwoProcesses(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	id := b.medusa.Account("old@example.com", "hers", "cus_old")
	done := make(chan string)
	for range 2 {
		node := b.node(time.Minute)
		go func() {
			login, err := node.Authenticate(context.WithoutCancel(t.Context()), "customer", "emailpass", identity.Input{Body: map[string]any{"email": "old@example.com", "password": "hers"}})
			if err != nil {
				t.Error(err)
			}
			done <- login.Claims.IdentityID
		}()
	}
	for range 2 {
		if got := <-done; got != id {
			t.Errorf("logged in as %s, want %s", got, id)
		}
	}
}

// Whoever tries passwords beside the owner gets nothing of what the owner gets.
func TestMigrationBesideAGuess(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	id := b.medusa.Account("old@example.com", "hers", "cus_old")
	type outcome struct{ password, id string }
	done := make(chan outcome)
	for _, password := range []string{"hers", "guess", "hers", "other guess"} {
		go func() { done <- outcome{password, b.who("old@example.com", password)} }()
	}
	for range 4 {
		if o := <-done; o.password == "hers" && o.id != id || o.password != "hers" && o.id != "-" {
			t.Errorf("%q opens %s", o.password, o.id)
		}
	}
}
