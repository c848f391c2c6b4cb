package identity_test

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusa"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// plainHasher stores passwords as they are, and counts what it judges.
type plainHasher struct {
	judged atomic.Int64
	err    atomic.Value
}

func (h *plainHasher) Hash(_ context.Context, password string) (identity.Secret, error) {
	return identity.NewSecret(password), nil
}

func (h *plainHasher) Verify(_ context.Context, stored identity.Secret, password string) (bool, error) {
	h.judged.Add(1)
	err, _ := h.err.Load().(error)
	return stored.Reveal() == password, err
}

func (h *plainHasher) VerifyNone(context.Context, string) error {
	h.judged.Add(1)
	err, _ := h.err.Load().(error)
	return err
}

func (*plainHasher) NeedsRehash(identity.Secret) bool { return false }

// guarded is a service with limits, of which time gives nothing back.
type guarded struct {
	*identity.Service
	t       *testing.T
	hasher  plainHasher
	counter *counter
	medusa  *identitytest.Medusa
	tokens  *token.Ring
	queue   *queue
}

// few are rates that tests reach soon.
var few = map[identity.Bucket]limit.Rate{
	identity.BucketLogin:        {Events: 20, Window: 20 * time.Hour},
	identity.BucketAccount:      {Events: 8, Window: 80 * time.Hour},
	identity.BucketNetwork:      {Events: 4, Window: 400 * time.Hour},
	identity.BucketDevice:       {Events: 3, Window: 3 * time.Hour},
	identity.BucketDevices:      {Events: 7, Window: 70 * time.Hour},
	identity.BucketResetAccount: {Events: 3, Window: 3 * time.Hour},
}

// newGuarded makes a service with emailpass twice; behind says whether a Medusa is
// behind it from which accounts move over.
func newGuarded(t *testing.T, behind bool) *guarded {
	t.Helper()
	g := &guarded{t: t, counter: newCounter(), queue: new(queue)}
	embedded, err := redisstore.NewEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = embedded.Close() })
	store, err := redisstore.New(embedded.Client(), redisstore.Options{Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.NewSecret(identity.NewSecret("0123456789abcdef0123456789abcdef"), false)
	if err != nil {
		t.Fatal(err)
	}
	if g.tokens, err = token.NewRing(token.Config{Keys: []token.Key{key}}); err != nil {
		t.Fatal(err)
	}
	limiter, err := limit.New(limit.Config{Counter: g.counter, Rates: few, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	provider := emailpass.New(&g.hasher, slog.New(slog.DiscardHandler))
	g.Service, err = identity.NewService(identity.Config{
		Store: store, Resets: g.queue, Tokens: g.tokens, Limiter: limiter,
		NewID:     func() string { return ulid.Make().String() },
		Providers: []identity.NamedProvider{{ID: "emailpass", Provider: provider}, {ID: "staff", Provider: provider}},
		Actors:    map[string][]string{"customer": {"emailpass"}, "user": {"emailpass", "staff"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if behind {
		g.medusa = identitytest.NewMedusa(t, "0123456789abcdef0123456789abcdef")
		backend, err := medusa.New(medusa.Config{
			URL: g.medusa.Server.URL, Tokens: g.tokens, Key: identity.NewSecret("key"), Logger: slog.New(slog.DiscardHandler), Timeout: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(backend.Close)
		g.Service = g.WithBackend(identity.BackendConfig{Backend: backend, Mirror: true, Migrate: true, Logger: slog.New(slog.DiscardHandler)})
	}
	identity.Hasten(g.Service)
	g.register("ann@example.com", "secret")
	return g
}

func (g *guarded) register(address, password string) {
	g.t.Helper()
	if _, err := g.Register(g.t.Context(), "customer", "emailpass", credentials(address, password)); err != nil {
		g.t.Fatal(err)
	}
	g.settled()
	g.counter.forget()
}

// settled waits until everything that is given back was.
func (g *guarded) settled() {
	g.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		g.counter.mu.Lock()
		left := 0
		for name, n := range g.counter.events {
			if !strings.HasPrefix(name, "register") {
				left += n
			}
		}
		g.counter.mu.Unlock()
		if left == 0 {
			return
		}
		if time.Now().After(deadline) { // only a defect
			g.t.Fatalf("%d events are not given back", left)
		}
	}
}

// try logs in from a client.
func (g *guarded) try(client, address, password string) error {
	return g.by(client, address, password, "customer", "emailpass", nil)
}

func (g *guarded) by(client, address, password, actorType, provider string, device func(string) string) error {
	in := credentials(address, password)
	in.Device = device
	_, err := g.Authenticate(identity.WithClient(g.t.Context(), client), actorType, provider, in)
	return err
}

// judged fails the test unless the guess was judged, and wrong.
func (g *guarded) judged(err error) {
	g.t.Helper()
	wantAnswer(g.t, err, "unauthorized: Invalid email or password")
}
