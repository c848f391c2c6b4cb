package emailpass_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// hasher makes hashes that show what they are of, and counts its work.
type hasher struct {
	mu                            sync.Mutex
	hashes, verifies, nonVerifies int
	fail                          func(operation string) error // may be nil
}

func (h *hasher) begin(operation string, n *int) error {
	h.mu.Lock()
	*n++
	fail := h.fail
	h.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(operation)
}

// work returns how many hashes were computed.
func (h *hasher) work() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hashes + h.verifies + h.nonVerifies
}

func (h *hasher) setFail(fail func(operation string) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail = fail
}

// Hash implements emailpass.Hasher.
func (h *hasher) Hash(_ context.Context, password string) (identity.Secret, error) {
	if err := h.begin("hash", &h.hashes); err != nil {
		return identity.Secret{}, err
	}
	return identity.NewSecret("new:" + password), nil
}

// Verify implements emailpass.Hasher.
func (h *hasher) Verify(_ context.Context, stored identity.Secret, password string) (bool, error) {
	if err := h.begin("verify", &h.verifies); err != nil {
		return false, err
	}
	kind, of, _ := strings.Cut(stored.Reveal(), ":")
	if kind != "new" && kind != "old" {
		return false, errors.New("corrupt hash")
	}
	return of == password, nil
}

// VerifyNone implements emailpass.Hasher.
func (h *hasher) VerifyNone(context.Context, string) error { return h.begin("verify", &h.nonVerifies) }

// NeedsRehash implements emailpass.Hasher.
func (h *hasher) NeedsRehash(stored identity.Secret) bool {
	return !strings.HasPrefix(stored.Reveal(), "new:")
}

// watched is a store whose calls are counted and can fail.
type watched struct {
	identity.Store
	mu    sync.Mutex
	calls int
	fail  func(method string) error // may be nil
}

func (s *watched) begin(method string) error {
	s.mu.Lock()
	s.calls++
	fail := s.fail
	s.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(method)
}

func (s *watched) Find(ctx context.Context, provider string, keys ...string) (*identity.Identity, error) {
	if err := s.begin("Find"); err != nil {
		return nil, err
	}
	return s.Store.Find(ctx, provider, keys...)
}

func (s *watched) Create(ctx context.Context, i *identity.Identity) error {
	if err := s.begin("Create"); err != nil {
		return err
	}
	return s.Store.Create(ctx, i)
}

func (s *watched) ReplaceCredential(ctx context.Context, id string, old, next identity.ProviderIdentity) error {
	if err := s.begin("ReplaceCredential"); err != nil {
		return err
	}
	return s.Store.ReplaceCredential(ctx, id, old, next)
}

// shop is the provider within a real service and a real store.
type shop struct {
	*identity.Service
	store  *watched
	hasher *hasher
	log    *identitytest.Log
}

func newShop(t testing.TB) *shop {
	t.Helper()
	s := &shop{hasher: new(hasher), log: new(identitytest.Log)}
	s.start(t, s.hasher)
	return s
}

func (s *shop) start(t testing.TB, h emailpass.Hasher) {
	t.Helper()
	embedded, err := redisstore.NewEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := embedded.Close(); err != nil {
			t.Error(err)
		}
	})
	store, err := redisstore.New(embedded.Client(), redisstore.Options{Timeout: 30 * time.Second}) // no test is about slowness
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.NewSecret(identity.NewSecret("secret"), true)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewRing(token.Config{Keys: []token.Key{key}})
	if err != nil {
		t.Fatal(err)
	}
	s.store = &watched{Store: store}
	var ids atomic.Int64
	s.Service, err = identity.NewService(identity.Config{
		Store: s.store, Resets: store.Queue(), Tokens: ring,
		Providers: []identity.NamedProvider{{ID: "emailpass", Provider: emailpass.New(h, slog.New(slog.NewTextHandler(s.log, nil)))}},
		NewID:     func() string { return fmt.Sprint(ids.Add(1)) },
	})
	if err != nil {
		t.Fatal(err)
	}
}

func input(email, password any) identity.Input {
	return identity.Input{Body: map[string]any{"email": email, "password": password}}
}

func (s *shop) register(t testing.TB, email, password any) (id string, err error) {
	c, err := s.Register(t.Context(), "customer", "emailpass", input(email, password))
	return c.IdentityID, err
}

func (s *shop) login(t testing.TB, email, password any) (id string, err error) {
	l, err := s.Authenticate(t.Context(), "customer", "emailpass", input(email, password))
	return l.Claims.IdentityID, err
}

// mustRegister returns the id of a new identity.
func (s *shop) mustRegister(t testing.TB, email, password string) string {
	t.Helper()
	id, err := s.register(t, email, password)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// importIdentity stores an identity as it came from elsewhere.
func (s *shop) importIdentity(t testing.TB, id, email, hash string) {
	t.Helper()
	err := s.store.Store.Create(t.Context(), &identity.Identity{ID: id, Providers: map[string]identity.ProviderIdentity{
		"emailpass": {Provider: "emailpass", EntityID: email, Key: email, Credential: identity.NewSecret(hash)},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *shop) stored(t testing.TB, id string) identity.ProviderIdentity {
	t.Helper()
	i, err := s.store.Identity(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return i.Providers["emailpass"]
}

// answer is what the client learns of an error: code and message.
func answer(err error) string {
	if err == nil {
		return "ok"
	}
	e, ok := errors.AsType[*identity.Error](err)
	if !ok {
		return string(identity.CodeInternal)
	}
	return string(e.Code) + ": " + e.Message
}

// The answers of Medusa (reference medusa-v2, section 3) and our own.
const (
	noPassword  = "unauthorized: Password should be a string"
	noEmail     = "unauthorized: Email should be a string"
	mismatch    = "unauthorized: Invalid email or password"
	exists      = "unauthorized: Identity with email already exists"
	invalid     = "invalid_data: Invalid email address"
	tooLong     = "invalid_data: Password should be at most 1024 bytes long"
	withNUL     = "invalid_data: Password should not contain a NUL character"
	notUTF8     = "invalid_data: Password should be valid UTF-8"
	unavailable = "unavailable: Service temporarily unavailable"
)

func wantAnswer(t testing.TB, err error, want string) {
	t.Helper()
	if got := answer(err); got != want {
		t.Errorf("answer %q, want %q (%v)", got, want, err)
	}
}
