package medusa_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusa"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

const secret = "reference-jwt-secret"

func ring(t testing.TB, secret string) *token.Ring {
	t.Helper()
	key, err := token.NewSecret(identity.NewSecret(secret), true)
	if err != nil {
		t.Fatal(err)
	}
	r, err := token.NewRing(token.Config{Keys: []token.Key{key}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newBackend(t testing.TB, url string, change func(*medusa.Config)) *medusa.Backend {
	t.Helper()
	c := medusa.Config{
		URL: url, Tokens: ring(t, secret), Key: identity.NewSecret("key"), Timeout: 300 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&c)
	}
	b, err := medusa.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func entry(address string) identity.ProviderIdentity {
	return identity.ProviderIdentity{Provider: identity.EmailPass, EntityID: address, Key: strings.ToLower(address)}
}

// Repeating it gives the same id: at once, after the answer got lost, and when
// an actor is linked, so that registering would be refused.
func TestShadowIsFoundAgain(t *testing.T) {
	t.Parallel()
	for _, kind := range []medusa.Shadow{medusa.Mirror, medusa.Random} {
		m := identitytest.NewMedusa(t, secret)
		b := newBackend(t, m.Server.URL, func(c *medusa.Config) { c.Shadow = kind })
		const route = "POST /auth/customer/emailpass/register"
		m.Fault(route, identitytest.MedusaLoses)
		m.Fault("POST /auth/sidecar/emailpass/register", identitytest.MedusaLoses)
		if _, err := b.Shadow(t.Context(), "customer", entry("Jane@example.com")); identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("%s: a lost answer: %v", kind, err)
		}
		m.Fault(route, "")
		m.Fault("POST /auth/sidecar/emailpass/register", "")
		first, err := b.Shadow(t.Context(), "customer", entry("Jane@example.com"))
		if err != nil {
			t.Fatal(err)
		}
		c := identity.Claims{IdentityID: first.ID, ActorType: "user", Provider: identity.EmailPass}
		if actor, err := b.Actor(t.Context(), c); actor != "" || err != nil {
			t.Errorf("%s: actor %q, %v", kind, actor, err)
		}
		answer, actor, err := b.CreateUser(t.Context(), c, "jane@example.com")
		if err != nil || !strings.Contains(string(answer), actor) {
			t.Fatal(string(answer), err)
		}
		if found, err := b.Actor(t.Context(), c); found != actor || err != nil {
			t.Errorf("%s: actor %q, %v, want %q", kind, found, err, actor)
		}
		again, err := b.Shadow(t.Context(), "customer", entry("Jane@example.com"))
		if again.ID != first.ID || err != nil || len(first.AppMetadata) != 0 || string(again.AppMetadata["user_id"]) != `"`+actor+`"` {
			t.Errorf("%s: %+v, %v, want %+v and its actor", kind, again, err, first)
		}
		if n := len(m.Addresses()); n != 1 {
			t.Errorf("%s: %d identities", kind, n)
		}
	}
}

// A third party's account never mirrors an address, which may be another's.
func TestShadowOfAThirdParty(t *testing.T) {
	t.Parallel()
	m := identitytest.NewMedusa(t, secret)
	m.Account("jane@example.com", "hers", "cus_jane")
	b := newBackend(t, m.Server.URL, nil)
	p := identity.ProviderIdentity{Provider: "google", EntityID: "jane@example.com", Key: "jane@example.com"}
	if _, err := b.Shadow(t.Context(), "customer", p); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Shadow(t.Context(), "customer", entry("jane@example.com")); !errors.Is(err, identity.ErrExists) {
		t.Errorf("somebody else's account: %v", err)
	}
}

// What is not an answer that is known is no answer: not a no, and not a yes.
func TestUnknownAnswers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"nothing":        func(w http.ResponseWriter, _ *http.Request) {},
		"no token":       func(w http.ResponseWriter, _ *http.Request) { write(w, 200, `{}`) },
		"a broken token": func(w http.ResponseWriter, _ *http.Request) { write(w, 200, `{"token":"a.b.c"}`) },
		"a bad payload":  func(w http.ResponseWriter, _ *http.Request) { write(w, 200, `{"token":"a.e30.c"}`) },
		"not JSON":       func(w http.ResponseWriter, _ *http.Request) { write(w, 200, `{"token`) },
		"a page":         func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			write(w, 200, `{"token":"`+strings.Repeat("a", 2<<20)+`"}`)
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"rate limited": func(w http.ResponseWriter, _ *http.Request) { write(w, 429, `{"type":"x","message":"y"}`) },
		"another 401": func(w http.ResponseWriter, _ *http.Request) {
			write(w, 401, `{"type":"unauthorized","message":"SELECT 1"}`)
		},
		"server error": func(w http.ResponseWriter, _ *http.Request) { write(w, 500, `{"type":"unknown_error","message":"x"}`) },
	} {
		server := httptest.NewServer(answer)
		t.Cleanup(server.Close)
		b := newBackend(t, server.URL, func(c *medusa.Config) { c.Timeout = 10 * time.Second })
		_, shadow := b.Shadow(t.Context(), "customer", entry("jane@example.com"))
		_, actor := b.Actor(t.Context(), identity.Claims{ActorType: "customer", IdentityID: "authid_1"})
		_, migrated := b.Migrate(t.Context(), "customer", "jane@example.com", "x")
		_, _, user := b.CreateUser(t.Context(), identity.Claims{IdentityID: "authid_1"}, "a@example.com")
		for call, err := range map[string]error{
			"shadow": shadow, "actor": actor, "migrate": migrated, "user": user, "trusted": b.Trusted(t.Context()),
			"reset": b.RequestReset(t.Context(), "customer", "jane@example.com", nil),
			"close": b.CloseReset(t.Context(), "customer", "t"),
		} {
			if name == "another 401" && call == "trusted" { // it has a type, so it came from behind the authentication
				continue
			}
			if identity.CodeOf(err) != identity.CodeUnavailable || strings.Contains(err.Error(), "jane") || strings.Contains(err.Error(), "SELECT") {
				t.Errorf("%s, %s: %v", name, call, err)
			}
		}
	}
}

func write(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// A second factor stays where it is, and so does the account.
func TestSecondFactorDoesNotMove(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		write(w, 200, `{"mfa_required":true,"token":"a.eyJhdXRoX2lkZW50aXR5X2lkIjoiYXV0aGlkXzEifQ.c"}`)
	}))
	t.Cleanup(server.Close)
	if _, err := newBackend(t, server.URL, nil).Migrate(t.Context(), "user", "a@example.com", "x"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// Trust is asked for once and kept, until a connection broke or time passed; a
// slow answer does not end it, a refusal does.
func TestTrusted(t *testing.T) {
	t.Parallel()
	m := identitytest.NewMedusa(t, secret)
	clock := identitytest.NewClock()
	b := newBackend(t, m.Server.URL, func(c *medusa.Config) { c.Clock, c.Tokens = clock.Now, minter{ring(t, secret)} })
	const route = "POST /auth/token/refresh"
	for range 10 {
		if err := b.Trusted(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := m.Calls(route); n != 1 {
		t.Errorf("asked %d times", n)
	}
	m.Fault(route, identitytest.MedusaHangs)
	clock.Forward(time.Minute)
	if err := b.Trusted(t.Context()); err != nil {
		t.Errorf("a slow backend: %v", err)
	}
	m.Fault(route, identitytest.MedusaFails)
	clock.Forward(time.Minute)
	if err := b.Trusted(t.Context()); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("a broken backend: %v", err)
	}
	m.Fault(route, "")
	clock.Forward(time.Second)
	if err := b.Trusted(t.Context()); err != nil {
		t.Errorf("repaired: %v", err)
	}
	m.SetSecret("another")
	b.Doubt()
	if err := b.Trusted(t.Context()); identity.ReasonOf(err) != "backend_secret" {
		t.Errorf("another secret: %v", err)
	}
	m.SetSecret(secret)
	clock.Forward(2 * time.Second)
	if err := b.Trusted(t.Context()); err != nil {
		t.Errorf("the right secret again: %v", err)
	}
}

// minter gives tokens the time of the machine, which the fake reads.
type minter struct{ *token.Ring }

func (m minter) Access(c identity.Claims) (string, error) {
	c.IssuedAt, c.ExpiresAt = time.Now().Unix(), time.Now().Add(time.Minute).Unix()
	return m.Ring.Access(c)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*medusa.Config){
		"no key":         func(c *medusa.Config) { c.Key = identity.Secret{} },
		"no scheme":      func(c *medusa.Config) { c.URL = "medusa:9000" },
		"a password":     func(c *medusa.Config) { c.URL = "http://a:b@medusa:9000" },
		"a query":        func(c *medusa.Config) { c.URL = "http://medusa:9000?x" },
		"another scheme": func(c *medusa.Config) { c.URL = "ftp://medusa" },
		"a shadow":       func(c *medusa.Config) { c.Shadow = "none" },
		"a timeout":      func(c *medusa.Config) { c.Timeout = -1 },
	} {
		c := medusa.Config{URL: "http://medusa:9000", Tokens: ring(t, secret), Key: identity.NewSecret("k"), Logger: slog.Default()}
		change(&c)
		if _, err := medusa.New(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// FuzzAnswer: whatever the backend says, an identity has an id, and nothing panics.
func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(`{"token":"a.eyJhdXRoX2lkZW50aXR5X2lkIjoiYXV0aGlkXzEifQ.c"}`))
	f.Add(401, []byte(`{"type":"unauthorized","message":"Identity with email already exists"}`))
	f.Add(200, []byte(`{"token":"a.bnVsbA.c"}`))
	var status int
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { write(w, status, string(body)) }))
	f.Cleanup(server.Close)
	b := newBackend(f, server.URL, func(c *medusa.Config) { c.Timeout = time.Minute })
	f.Fuzz(func(t *testing.T, s int, data []byte) {
		status, body = 200+s&0xff, data
		if account, err := b.Shadow(t.Context(), "customer", entry("a@example.com")); err == nil && account.ID == "" {
			t.Error("a shadow without id")
		}
		if account, err := b.Account(t.Context(), "customer", entry("a@example.com")); err == nil && account.ID == "" {
			t.Error("an account without id")
		}
	})
}
