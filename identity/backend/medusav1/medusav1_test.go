package medusav1_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusav1"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

var secret = strings.Repeat("m", 32)

const address = "Jane@Example.com"

var entry = identity.ProviderIdentity{Provider: identity.EmailPass, EntityID: address, Key: "jane@example.com"}

// open makes a Backend for the server, which has signed its tokens with that secret.
func open(t *testing.T, m *identitytest.MedusaV1, backendSecret string) *medusav1.Backend {
	t.Helper()
	return openWith(t, m, backendSecret, "key")
}

// openWith is open with the keys of passwords, the current one first.
func openWith(t *testing.T, m *identitytest.MedusaV1, backendSecret string, keys ...string) *medusav1.Backend {
	t.Helper()
	key, err := token.NewSecret(identity.NewSecret(backendSecret), true)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewRing(token.Config{Keys: []token.Key{key}})
	if err != nil {
		t.Fatal(err)
	}
	c := medusav1.Config{
		URL: m.Server.URL, Tokens: ring.V1(), Secret: identity.NewSecret(backendSecret), Key: identity.NewSecret(keys[0]),
		Timeout: time.Second, Logger: slog.New(slog.DiscardHandler),
	}
	for _, key := range keys[1:] {
		c.PreviousKeys = append(c.PreviousKeys, identity.NewSecret(key))
	}
	b, err := medusav1.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func start(t *testing.T) (*identitytest.MedusaV1, *medusav1.Backend) {
	t.Helper()
	m := identitytest.NewMedusaV1(t, secret)
	return m, open(t, m, secret)
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestProvisionMakesACustomerOnce(t *testing.T) {
	t.Parallel()
	m, b := start(t)
	profile := json.RawMessage(`{"first_name":"Jane","phone":"+1"}`)
	first := must[identity.Person](t)(b.Provision(t.Context(), "customer", entry, profile))
	if !strings.HasPrefix(first.ActorID, "cus_") || first.Address != "jane@example.com" || !json.Valid(first.Body) {
		t.Errorf("the person is %+v", first)
	}
	made := m.Account(first.ActorID)
	if made.FirstName != "Jane" || made.Password != b.Password(entry).Reveal() || len(made.Password) < 40 {
		t.Errorf("the account is %+v", made)
	}
	again := must[identity.Person](t)(b.Provision(t.Context(), "customer", entry, nil))
	if again.ActorID != first.ActorID || len(m.IDs("jane@example.com")) != 1 {
		t.Errorf("%s became %s; there are %v", first.ActorID, again.ActorID, m.IDs("jane@example.com"))
	}
	m.Age(first.ActorID, 2*time.Hour)
	if _, err := b.Provision(t.Context(), "customer", entry, nil); !errors.Is(err, identity.ErrExists) {
		t.Errorf("an account of old is given to whoever registers its address: %v", err)
	}
}

// An account whose maker heard no answer is found after the key was rotated, while
// the old one is kept, and no longer than without.
func TestProvisionAfterARotation(t *testing.T) {
	t.Parallel()
	m := identitytest.NewMedusaV1(t, secret)
	first := must[identity.Person](t)(openWith(t, m, secret, "first").Provision(t.Context(), "customer", entry, nil))
	rotated := openWith(t, m, secret, "third", "second", "first")
	for range 2 {
		if again, err := rotated.Provision(t.Context(), "customer", entry, nil); err != nil || again.ActorID != first.ActorID {
			t.Errorf("got %+v, %v", again, err)
		}
	}
	if _, err := openWith(t, m, secret, "third", "second").Provision(t.Context(), "customer", entry, nil); !errors.Is(err, identity.ErrExists) {
		t.Errorf("without its key: %v", err)
	}
	m.Age(first.ActorID, 2*time.Hour)
	if _, err := rotated.Provision(t.Context(), "customer", entry, nil); !errors.Is(err, identity.ErrExists) {
		t.Errorf("an account of old: %v", err)
	}
	m.Fault("POST /store/auth", identitytest.MedusaFails)
	if _, err := rotated.Made(t.Context(), "customer", entry); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("unknown is no: %v", err)
	}
}

func TestProvisionRefusesForeignAddresses(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*identitytest.MedusaV1){
		"a customer's": func(m *identitytest.MedusaV1) { m.Customer(address, "their own") },
		"a user's":     func(m *identitytest.MedusaV1) { m.User(address, "their own") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, b := start(t)
			prepare(m)
			if _, err := b.Provision(t.Context(), "customer", entry, nil); !errors.Is(err, identity.ErrExists) {
				t.Errorf("error %v, want ErrExists", err)
			}
			if ids := m.IDs("jane@example.com"); len(ids) != 1 {
				t.Errorf("there are %v", ids)
			}
		})
	}
}

// Whoever registers must not become a member of staff.
func TestProvisionMakesNoUser(t *testing.T) {
	t.Parallel()
	m, b := start(t)
	if _, err := b.Provision(t.Context(), "user", entry, nil); !errors.Is(err, identity.ErrExists) {
		t.Errorf("error %v, want ErrExists", err)
	}
	if ids := m.IDs("jane@example.com"); len(ids) != 0 {
		t.Errorf("there is %v", ids)
	}
	if _, err := b.Provision(t.Context(), "robot", entry, nil); identity.CodeOf(err) != identity.CodeNotAllowed {
		t.Errorf("a robot is %v", err)
	}
	bad := entry
	bad.EntityID = "no address"
	if _, err := b.Provision(t.Context(), "customer", bad, nil); identity.CodeOf(err) != identity.CodeInvalid {
		t.Errorf("what is no address to the backend is %v", err)
	}
}

func TestPersonExistsAndMigrate(t *testing.T) {
	t.Parallel()
	m, b := start(t)
	ids := map[string]string{"customer": m.Customer(address, "cust0mer"), "user": m.User("staff@example.com", "st4ff")}
	for actorType, login := range map[string][2]string{"customer": {"JANE@example.com", "cust0mer"}, "user": {"Staff@example.com", "st4ff"}} {
		person := must[identity.Person](t)(b.Person(t.Context(), actorType, ids[actorType]))
		moved := must[identity.Person](t)(b.Migrate(t.Context(), actorType, login[0], login[1]))
		if person.ActorID != ids[actorType] || moved.ActorID != person.ActorID || string(moved.Body) != string(person.Body) {
			t.Errorf("%s: %+v, and by log-in %+v", actorType, person, moved)
		}
		for address, want := range map[string]bool{login[0]: true, "nobody@example.com": false} {
			if got := must[bool](t)(b.Exists(t.Context(), actorType, address)); got != want {
				t.Errorf("%s %s exists: %t", actorType, address, got)
			}
		}
		if _, err := b.Migrate(t.Context(), actorType, login[0], "wrong"); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("a wrong password is %v", err)
		}
		if _, err := b.Person(t.Context(), actorType, "none"); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("nobody is %v", err)
		}
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	m, b := start(t)
	id := m.Customer(address, "cust0mer")
	if err := b.Seal(t.Context(), "customer", id, entry); err != nil {
		t.Fatal(err)
	}
	if got := m.Account(id).Password; got != b.Password(entry).Reveal() {
		t.Errorf("the password is %q", got)
	}
	if err := b.Seal(t.Context(), "customer", "cus_none", entry); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("nobody's: %v", err)
	}
	staff := m.User("staff@example.com", "st4ff")
	if err := b.Seal(t.Context(), "user", staff, entry); err != nil || m.Account(staff).Password != "st4ff" {
		t.Errorf("a user's: %v, %+v", err, m.Account(staff))
	}
}

func TestInvited(t *testing.T) {
	t.Parallel()
	m, b := start(t)
	invite := m.Invite("new@example.com")
	if got := b.Invited(invite); got != "new@example.com" {
		t.Errorf("the invite is for %q", got)
	}
	for _, bad := range []string{"", "garbage", invite + "x", forged(t, "customer_id", time.Minute)} {
		if got := b.Invited(bad); got != "" {
			t.Errorf("%q invites %q", bad, got)
		}
	}
	if got := open(t, m, strings.Repeat("w", 32)).Invited(invite); got != "" {
		t.Errorf("an invite of another Medusa invites %q", got)
	}
}

func FuzzInvited(f *testing.F) {
	b, err := medusav1.New(medusav1.Config{
		URL: "http://127.0.0.1:1", Tokens: noTokens{}, Secret: identity.NewSecret(secret), Key: identity.NewSecret("key"),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("")
	f.Add("e30.e30.")
	f.Add("eyJhbGciOiJIUzI1NiJ9.eyJpbnZpdGVfaWQiOiJ4IiwidXNlcl9lbWFpbCI6InhAZXhhbXBsZS5jb20ifQ.AAAA")
	f.Fuzz(func(t *testing.T, raw string) {
		if got := b.Invited(raw); got != "" {
			t.Errorf("%q invites %q", raw, got)
		}
		if _, err := b.UseReset(canceled(), "customer", raw, entry); err == nil {
			t.Errorf("%q resets a password", raw)
		}
	})
}

type noTokens struct{}

func (noTokens) Access(identity.Claims) (string, error) { return "", errors.New("none") }

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
