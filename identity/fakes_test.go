package identity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// start is when tests begin, a time that no clock rounds.
var start = time.Date(2026, 11, 21, 16, 54, 34, 263_000_000, time.UTC)

// anytime is a ValidFrom that no revocation comes after.
var anytime = start.AddDate(100, 0, 0)

// errDown is what a store says that cannot be asked.
var errDown = identity.Unavailable("store_refused", errors.New("connection refused"))

// realm is a service with a real store and real tokens.
type realm struct {
	*identity.Service
	store     *watched
	google    *redirecting
	tokens    *token.Ring
	passwords *passwords
	queue     queue

	mu      sync.Mutex
	now     time.Time
	revoked []string
}

// newRealm makes a realm with the providers emailpass, google and github;
// change may alter the configuration.
func newRealm(t testing.TB, change func(*identity.Config)) *realm {
	t.Helper()
	r := &realm{now: start, passwords: new(passwords), google: new(redirecting)}
	embedded, err := redisstore.NewEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := embedded.Close(); err != nil {
			t.Error(err)
		}
	})
	store, err := redisstore.New(embedded.Client(), redisstore.Options{Timeout: 30 * time.Second, Clock: r.clock}) // no test is about slowness
	if err != nil {
		t.Fatal(err)
	}
	r.store = &watched{Store: store, Attempts: store}
	key, err := token.NewSecret(identity.NewSecret("0123456789abcdef0123456789abcdef"), false)
	if err != nil {
		t.Fatal(err)
	}
	if r.tokens, err = token.NewRing(token.Config{Keys: []token.Key{key}, Clock: r.clock}); err != nil {
		t.Fatal(err)
	}
	var ids atomic.Int64
	c := identity.Config{
		Store: r.store, Attempts: r.store, Resets: &r.queue, Tokens: r.tokens,
		Providers: []identity.NamedProvider{{"emailpass", r.passwords}, {"google", r.google}, {"github", new(redirecting)}},
		NewID:     func() string { return fmt.Sprintf("%026d", ids.Add(1)) },
		Clock:     r.clock,
		Revoked: func(id string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.revoked = append(r.revoked, id)
		},
	}
	if change != nil {
		change(&c)
	}
	if r.Service, err = identity.NewService(c); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *realm) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *realm) forward(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// told returns the identities whose credentials ended.
func (r *realm) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revoked
}

// queue keeps reset requests for the test.
type queue struct {
	mu       sync.Mutex
	requests []identity.ResetRequest
	err      error
}

func (q *queue) Enqueue(_ context.Context, r identity.ResetRequest) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.requests = append(q.requests, r)
	}
	return q.err
}

// passwords is a provider that keeps passwords as they are. An identifier with a
// space is none; capitals do not count.
type passwords struct {
	mu      sync.Mutex
	made    int // credentials
	makeErr error
}

func (*passwords) DisplayName() string { return "Email/Password Authentication" }
func (*passwords) Flow() identity.Flow { return identity.FlowCredentials }

func (p *passwords) Register(ctx context.Context, accounts identity.Accounts, in identity.Input) (*identity.Identity, error) {
	email, _ := in.Text("email")
	password, _ := in.Text("password")
	if password == "" {
		return nil, &identity.Error{Code: identity.CodeUnauthorized, Reason: "password_missing", Message: "Password should be a string"}
	}
	return accounts.Create(ctx, identity.ProviderIdentity{
		EntityID: email, Key: strings.ToLower(email), Credential: identity.NewSecret(password),
	})
}

func (p *passwords) Authenticate(ctx context.Context, accounts identity.Accounts, in identity.Input) (*identity.Identity, error) {
	email, _ := in.Text("email")
	password, _ := in.Text("password")
	i, err := accounts.Find(ctx, p.Keys(email)...)
	if err != nil && !errors.Is(err, identity.ErrNotFound) {
		return nil, err
	}
	if err != nil || accounts.Own(i).Credential != identity.NewSecret(password) {
		return nil, &identity.Error{Code: identity.CodeUnauthorized, Reason: "mismatch", Message: "Invalid email or password"}
	}
	if in.Body["rehash"] == true {
		return i, accounts.Replace(ctx, i, identity.NewSecret(password))
	}
	return i, nil
}

func (*passwords) Keys(identifier string) []string {
	if strings.Contains(identifier, " ") {
		return nil
	}
	return []string{strings.ToLower(identifier)}
}

var errPasswordTooLong = &identity.Error{Code: identity.CodeInvalid, Reason: "password_too_long", Message: "Password should be at most 20 bytes long"}

func (p *passwords) NewCredential(_ context.Context, in identity.Input) (identity.Secret, error) {
	password, ok := in.Text("password")
	if !ok {
		return identity.Secret{}, identity.ErrNoCredential
	}
	if len(password) > 20 {
		return identity.Secret{}, errPasswordTooLong
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made++
	return identity.NewSecret(password), p.makeErr
}

func credentials(email, password string) identity.Input {
	return identity.Input{Body: map[string]any{"email": email, "password": password}}
}

// register returns the claims of a new identity.
func (r *realm) register(t testing.TB, email, password string) identity.Claims {
	t.Helper()
	c, err := r.Register(t.Context(), "customer", "emailpass", credentials(email, password))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *realm) login(t testing.TB, email, password string) (identity.Claims, error) {
	t.Helper()
	l, err := r.Authenticate(t.Context(), "customer", "emailpass", credentials(email, password))
	return l.Claims, err
}

func (r *realm) identity(t testing.TB, id string) *identity.Identity {
	t.Helper()
	i, err := r.store.Store.Identity(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// answer is what the client learns of an error.
func answer(err error) string {
	if err == nil {
		return "ok"
	}
	e, ok := errors.AsType[*identity.Error](err)
	if !ok {
		return string(identity.CodeInternal)
	}
	if e.Message == "" {
		return string(e.Code)
	}
	return string(e.Code) + ": " + e.Message
}

func wantAnswer(t testing.TB, err error, want string) {
	t.Helper()
	if got := answer(err); got != want {
		t.Errorf("answer %q, want %q (%v)", got, want, err)
	}
}

const (
	invalidToken = "unauthorized: Invalid token"
	unavailable  = "unavailable: Service temporarily unavailable"
)
