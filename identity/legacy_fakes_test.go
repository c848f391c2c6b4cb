package identity_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// older is a backend that has accounts with passwords.
type older struct {
	mu       sync.Mutex
	accounts map[string]*olderAccount // by actor type and lower-case address
	asked    []string                 // for resets, by address
	tokens   map[string]string        // reset tokens, by address
	down     error
	sealErr  error
	checked  int // reset tokens
}

type olderAccount struct{ id, address, password, profile string }

func (o *older) begin() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.down
}

func derived(p identity.ProviderIdentity) string { return "derived of " + p.Key }

func (o *older) add(actorType, address, password string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.make(actorType, address, password, "{}").id
}

// make wants the lock held, as everything that looks into an account.
func (o *older) make(actorType, address, password, profile string) *olderAccount {
	id := fmt.Sprintf("%s_%d", map[string]string{"customer": "cus", "user": "usr"}[actorType], len(o.accounts)+1)
	a := &olderAccount{id: id, address: address, password: password, profile: profile}
	o.accounts[actorType+" "+strings.ToLower(address)] = a
	return a
}

// account is for tests when nothing else runs.
func (o *older) account(actorType, address string) *olderAccount {
	return o.accounts[actorType+" "+strings.ToLower(address)]
}

func (a *olderAccount) person() identity.Person {
	return identity.Person{ActorID: a.id, Address: a.address, Body: json.RawMessage(`{"id":"` + a.id + `","profile":` + a.profile + `}`)}
}

func (o *older) Provision(_ context.Context, actorType string, p identity.ProviderIdentity, profile json.RawMessage) (identity.Person, error) {
	if err := o.begin(); err != nil {
		return identity.Person{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.account("user", p.EntityID) != nil {
		return identity.Person{}, identity.ErrExists
	}
	a := o.account(actorType, p.EntityID)
	if a == nil {
		a = o.make(actorType, p.EntityID, derived(p), cmp.Or(string(profile), "{}"))
	}
	if a.password != derived(p) {
		return identity.Person{}, identity.ErrExists
	}
	return a.person(), nil
}

func (o *older) Person(_ context.Context, actorType, actorID string) (identity.Person, error) {
	if err := o.begin(); err != nil {
		return identity.Person{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, a := range o.accounts {
		if strings.HasPrefix(key, actorType+" ") && a.id == actorID {
			return a.person(), nil
		}
	}
	return identity.Person{}, identity.ErrNotFound
}

func (o *older) Exists(_ context.Context, actorType, address string) (bool, error) {
	err := o.begin()
	o.mu.Lock()
	defer o.mu.Unlock()
	return err == nil && o.account(actorType, address) != nil, err
}

func (o *older) Migrate(_ context.Context, actorType, address, password string) (identity.Person, error) {
	if err := o.begin(); err != nil {
		return identity.Person{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if a := o.account(actorType, address); a != nil && a.password == password {
		return a.person(), nil
	}
	return identity.Person{}, identity.ErrNotFound
}

func (o *older) Seal(_ context.Context, actorType, actorID string, p identity.ProviderIdentity) error {
	if err := o.begin(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, a := range o.accounts {
		if o.sealErr == nil && strings.HasPrefix(key, actorType+" ") && a.id == actorID {
			a.password = derived(p)
		}
	}
	return o.sealErr
}

func (o *older) RequestReset(_ context.Context, actorType, address string) error {
	if err := o.begin(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, actorType+" "+address)
	return nil
}

func (o *older) CheckReset(_, token string) error {
	if err := o.begin(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.checked++
	if token == "garbage" {
		return identity.ErrNotFound
	}
	return nil
}

func (o *older) UseReset(_ context.Context, actorType, token string, p identity.ProviderIdentity) (identity.Person, error) {
	if err := o.begin(); err != nil {
		return identity.Person{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	a := o.account(actorType, p.EntityID)
	if a == nil || token == "" || o.tokens[strings.ToLower(p.EntityID)] != token {
		return identity.Person{}, identity.ErrNotFound
	}
	delete(o.tokens, strings.ToLower(p.EntityID))
	a.password = derived(p)
	return a.person(), nil
}

// v1Shop is a Service of the older dialect. backend is nil without one.
type v1Shop struct {
	*identity.Service
	t       *testing.T
	store   *watched
	queue   *queue
	backend *older
	now     time.Time
}

func newV1Shop(t *testing.T, backend *older) *v1Shop {
	t.Helper()
	embedded, err := redisstore.NewEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = embedded.Close() })
	s := &v1Shop{t: t, queue: new(queue), backend: backend, now: start}
	clock := func() time.Time { return s.now }
	store, err := redisstore.New(embedded.Client(), redisstore.Options{Timeout: 30 * time.Second, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	s.store = &watched{Store: store}
	key, err := token.NewSecret(identity.NewSecret("0123456789abcdef0123456789abcdef"), false)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewRing(token.Config{Keys: []token.Key{key}, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := password.New(password.Config{Argon2Memory: 64, Argon2Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	s.Service, err = identity.NewService(identity.Config{
		Store: s.store, Resets: s.queue, Tokens: ring, Clock: clock,
		NewID:     func() string { return ulid.Make().String() },
		Providers: []identity.NamedProvider{{ID: "emailpass", Provider: emailpass.New(hasher, logger)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if backend != nil {
		backend.accounts, backend.tokens = map[string]*olderAccount{}, map[string]string{}
		s.Service = s.WithLegacy(identity.LegacyConfig{Legacy: backend, Migrate: true, Logger: logger})
	}
	return s
}

func (s *v1Shop) signUp(email, password string) (identity.Claims, json.RawMessage, error) {
	return s.SignUp(s.t.Context(), credentials(email, password), json.RawMessage(`{"first_name":"J"}`))
}

func (s *v1Shop) signIn(actorType, email, password string) (identity.Claims, error) {
	return s.SignIn(s.t.Context(), actorType, credentials(email, password))
}

func (s *v1Shop) mustSignIn(actorType, email, password string) identity.Claims {
	s.t.Helper()
	c, err := s.signIn(actorType, email, password)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// resetToken returns a token for the one request that waits.
func (s *v1Shop) resetToken(actorType, email string) string {
	s.t.Helper()
	if err := s.RequestReset(s.t.Context(), actorType, "emailpass", email, nil); err != nil {
		s.t.Fatal(err)
	}
	r := s.queue.requests[len(s.queue.requests)-1]
	n, err := s.IssueReset(s.t.Context(), r)
	if err != nil || n == nil {
		s.t.Fatalf("nobody is told: %v", err)
	}
	return n.Token.Reveal()
}
