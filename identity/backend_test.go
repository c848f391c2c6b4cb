package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
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

// sso knows people by the code: a name and, behind a space, the address that it
// verified.
type sso struct{}

// AdmitEmail lets nobody in any more who logged in by left.example once.
func (sso) AdmitEmail(verified string) error {
	if strings.HasSuffix(verified, "@left.example") {
		return &identity.Error{Code: identity.CodeUnauthorized, Reason: "email_domain", Message: "Authentication failed"}
	}
	return nil
}

func (sso) DisplayName() string                { return "Single sign-on" }
func (sso) Flow() identity.Flow                { return identity.FlowRedirect }
func (sso) CallbackURL(string) (string, error) { return callbackURL, nil }
func (sso) BindRequired() bool                 { return false }

func (sso) Location(_ context.Context, state string, _ identity.Attempt) (string, error) {
	return "https://sso.example/?state=" + state, nil
}

func (sso) Profile(_ context.Context, code string, _ identity.Attempt) (identity.Profile, error) {
	name, verified, _ := strings.Cut(code, " ")
	metadata, err := json.Marshal(map[string]string{"name": name})
	return identity.Profile{Subject: name, VerifiedEmail: verified, UserMetadata: metadata}, err
}

// come logs in at sso, as the actor type.
func (b *behind) come(actorType, name, verified string) (identity.Claims, error) {
	b.t.Helper()
	l, err := b.Authenticate(b.t.Context(), actorType, "sso", identity.Input{Host: shopHost})
	if err != nil {
		b.t.Fatal(err)
	}
	_, state, _ := strings.Cut(l.Location, "state=")
	l, err = b.Callback(b.t.Context(), actorType, "sso", back(state, name+" "+verified))
	return l.Claims, err
}

// sso logs in at sso as a user.
func (b *behind) sso(name, verified string) identity.Claims {
	b.t.Helper()
	c, err := b.come("user", name, verified)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// Somebody comes through a provider that verified their address, and becomes a
// user at the backend; the address without the verification does not do, however
// the claims say it.
func TestCreateUser(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	c := b.sso("ada", "ada@example.com")
	if addresses := b.medusa.Addresses(); len(addresses) != 1 || !strings.HasSuffix(addresses[0], "@sidecar.invalid") {
		t.Errorf("shadows %q", addresses)
	}
	answer, err := b.CreateUser(t.Context(), c, "sso")
	if err != nil || !strings.Contains(string(answer), `"email":"ada@example.com"`) {
		t.Fatalf("answer %s, %v", answer, err)
	}
	if again := b.sso("ada", "ada@example.com"); !strings.HasPrefix(again.ActorID, "user_") || again.IdentityID != c.IdentityID {
		t.Errorf("logged in as %+v", again)
	}
	for name, refused := range map[string]struct {
		claims  identity.Claims
		message string
	}{
		"again":          {c, "The user is already registered and cannot create a new account."},
		"with the actor": {b.sso("ada", "ada@example.com"), "The user is already registered and cannot create a new account."},
		"unverified": {func() identity.Claims {
			c := b.sso("eve", "")
			c.UserMetadata = []byte(`{"verified":"ada@example.com","email":"ada@example.com"}`)
			return c
		}(), "Email is required to create a user account."},
		"no more let in":  {b.sso("lee", "lee@left.example"), "Authentication failed"},
		"another way in":  {func() identity.Claims { c := b.sso("bob", "bob@example.com"); c.Provider = "emailpass"; return c }(), "Only sso identities can create a user account for this authentication context"},
		"nobody any more": {identity.Claims{IdentityID: "authid_gone", ActorType: "user", Provider: "sso"}, ""},
	} {
		_, err := b.CreateUser(t.Context(), refused.claims, "sso")
		if e, ok := errors.AsType[*identity.Error](err); !ok || e.Message != refused.message {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := b.medusa.Calls("POST /auth/emailpass/user"); n != 1 {
		t.Errorf("the backend was asked %d times", n)
	}
}

// The answer got lost, and the user is there all the same.
func TestCreateUserAgain(t *testing.T) {
	t.Parallel()
	b := newBehind(t, true)
	c := b.sso("ada", "ada@example.com")
	b.medusa.Fault("POST /auth/emailpass/user", identitytest.MedusaLoses)
	if _, err := b.CreateUser(t.Context(), c, "sso"); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("a lost answer: %v", err)
	}
	b.medusa.Fault("POST /auth/emailpass/user", "")
	if _, err := b.CreateUser(t.Context(), c, "sso"); identity.ReasonOf(err) != "user_registered" {
		t.Errorf("again: %v", err)
	}
	if c, err := b.Refresh(t.Context(), c); err != nil || !strings.HasPrefix(c.ActorID, "user_") {
		t.Errorf("refreshed to %+v, %v", c, err)
	}
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
