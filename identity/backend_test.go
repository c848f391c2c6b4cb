package identity_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusa"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// behind is a Service in front of a Medusa.
type behind struct {
	*identity.Service
	t      *testing.T
	medusa *identitytest.Medusa
	redis  *redisstore.Embedded
	ring   *token.Ring

	mu      sync.Mutex
	revoked []string
}

// told returns what the backend's id of an identity was when what is cached of it
// was to be dropped.
func (b *behind) told() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.revoked)
}

func (b *behind) forget(id string) {
	i, err := b.Store.Identity(context.Background(), id)
	if err != nil {
		b.t.Error(err)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.revoked = append(b.revoked, i.BackendID)
}

const backendSecret = "reference-jwt-secret"

func newBehind(t *testing.T, mirror bool) *behind {
	t.Helper()
	return newBehindWith(t, mirror, func(p *emailpass.Provider) identity.Provider { return p })
}

// newBehindWith wraps the provider of passwords.
func newBehindWith(t *testing.T, mirror bool, wrap func(*emailpass.Provider) identity.Provider) *behind {
	t.Helper()
	embedded, err := redisstore.NewEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = embedded.Close() })
	store, err := redisstore.New(embedded.Client(), redisstore.Options{Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.NewSecret(identity.NewSecret(backendSecret), true)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewRing(token.Config{Keys: []token.Key{key}})
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := password.New(password.Config{Argon2Memory: 64, Argon2Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := &behind{t: t, medusa: identitytest.NewMedusa(t, backendSecret), redis: embedded, ring: ring}
	logger := slog.New(slog.DiscardHandler)
	service, err := identity.NewService(identity.Config{
		Store: store, Attempts: store, Resets: store.Queue(), Tokens: ring,
		NewID: func() string { return ulid.Make().String() },
		Providers: []identity.NamedProvider{
			{ID: "emailpass", Provider: wrap(emailpass.New(hasher, logger))}, {ID: "sso", Provider: sso{}},
		},
		Actors:  map[string][]string{"user": {"emailpass", "sso"}, "customer": {"emailpass", "sso"}},
		Revoked: b.forget,
	})
	if err != nil {
		t.Fatal(err)
	}
	shadow := medusa.Random
	if mirror {
		shadow = medusa.Mirror
	}
	backend, err := medusa.New(medusa.Config{
		URL: b.medusa.Server.URL, Tokens: ring, Key: identity.NewSecret("key"), Shadow: shadow, Logger: logger,
		Timeout: 2 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Close)
	b.Service = service.WithBackend(identity.BackendConfig{Backend: backend, Mirror: mirror, Migrate: true, Logger: logger})
	return b
}

func (b *behind) register(actorType, address string) identity.Claims {
	b.t.Helper()
	c, err := b.Register(b.t.Context(), actorType, "emailpass", identity.Input{Body: map[string]any{"email": address, "password": "one"}})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func (b *behind) pass(actorType, address string) (asked []string, token string) {
	b.t.Helper()
	err := b.PassReset(b.t.Context(), identity.ResetRequest{ID: "1", Provider: "emailpass", ActorType: actorType, Identifier: address, AskedAt: time.Now()})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.medusa.Requested()
}

// Somebody took the address of an account while the backend was down. The owner
// gets a mail, and with it the account.
func TestOwnerTakesTheAccountOver(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	b.medusa.Fault("", identitytest.MedusaFails)
	squatter := b.register("customer", "jane@example.com")
	b.medusa.Fault("", "")
	id := b.medusa.Account("jane@example.com", "hers", "cus_jane")
	if _, err := b.Prepare(t.Context(), squatter); identity.CodeOf(err) != identity.CodeUnauthorized {
		t.Errorf("the squatter may become a customer: %v", err)
	}
	_, token := b.pass("customer", "jane@example.com")
	in := identity.Input{Body: map[string]any{"password": "two"}}
	if err := b.Update(t.Context(), "customer", "emailpass", token, in); err != nil {
		t.Fatal(err)
	}
	login, err := b.Authenticate(t.Context(), "customer", "emailpass", identity.Input{Body: map[string]any{"email": "jane@example.com", "password": "two"}})
	if err != nil || login.Claims.ActorID != "cus_jane" {
		t.Fatalf("logged in as %+v, %v", login.Claims, err)
	}
	if i, err := b.Store.Identity(t.Context(), login.Claims.IdentityID); err != nil || i.BackendID != id {
		t.Errorf("known as %q, want %q (%v)", i.BackendID, id, err)
	}
	if _, err := b.Refresh(t.Context(), squatter); identity.CodeOf(err) != identity.CodeUnauthorized {
		t.Errorf("the squatter is still in: %v", err)
	}
}

// Staff is not reset by the way of customers, and the backend does not hear of
// somebody whom it cannot have under that address.
func TestPassReset(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	staff := b.register("user", "ada@example.com")
	if err := b.Link(t.Context(), staff.IdentityID, "user", "user_1"); err != nil {
		t.Fatal(err)
	}
	if asked, _ := b.pass("customer", "ada@example.com"); len(asked) != 0 {
		t.Errorf("asked for %q", asked)
	}
	if asked, token := b.pass("user", "ada@example.com"); len(asked) != 1 || token == "" {
		t.Errorf("asked for %q", asked)
	} else if err := b.Update(t.Context(), "customer", "emailpass", token, identity.Input{}); identity.CodeOf(err) != identity.CodeUnauthorized {
		t.Errorf("used by the way of customers: %v", err)
	}
	random := newBehind(t, false)
	jane := random.register("customer", "jane@example.com")
	if err := random.Link(t.Context(), jane.IdentityID, "customer", "cus_jane"); err != nil {
		t.Fatal(err)
	}
	if asked, _ := random.pass("customer", "jane@example.com"); len(asked) != 0 {
		t.Errorf("asked for %q", asked)
	}
	if asked, _ := random.pass("customer", "old@example.com"); len(asked) != 1 {
		t.Errorf("an account that has not moved over: asked for %q", asked)
	}
}

// An empty password uses the token up, as at the backend, and changes nothing.
func TestUpdateWithoutPasswordByBackend(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	b.medusa.Account("old@example.com", "hers", "cus_old")
	_, token := b.pass("customer", "old@example.com")
	for _, want := range []string{"Unauthorized", "Invalid token"} {
		err := b.Update(t.Context(), "customer", "emailpass", token, identity.Input{})
		if e, ok := errors.AsType[*identity.Error](err); !ok || e.Message != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	login, err := b.Authenticate(t.Context(), "customer", "emailpass", identity.Input{Body: map[string]any{"email": "old@example.com", "password": "hers"}})
	if err != nil || login.Claims.ActorID != "cus_old" {
		t.Errorf("logged in as %+v, %v", login.Claims, err)
	}
}

// Twenty log-ins at once move one account over, once.
func TestMigrationsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	id := b.medusa.Account("old@example.com", "hers", "cus_old")
	results := make(chan error)
	for range 20 {
		go func() {
			login, err := b.Authenticate(context.WithoutCancel(t.Context()), "customer", "emailpass", identity.Input{Body: map[string]any{"email": "old@example.com", "password": "hers"}})
			if err == nil && login.Claims.IdentityID != id {
				err = errors.New("another identity: " + login.Claims.IdentityID)
			}
			results <- err
		}()
	}
	for range 20 {
		if err := <-results; err != nil && identity.CodeOf(err) != identity.CodeUnavailable { // a full hashing pool
			t.Error(err)
		}
	}
	if n := b.medusa.Calls("POST /auth/customer/emailpass"); n != 1 {
		t.Errorf("the backend was asked %d times", n)
	}
}
