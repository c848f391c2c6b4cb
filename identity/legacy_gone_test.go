package identity_test

import (
	"errors"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// What needs to know whether a user is still there: log-ins, refreshes, sessions
// made of tokens, and who asks who they are.
func asUser(t *testing.T, s *v1Shop, c identity.Claims, email, password string) map[string]func() error {
	t.Helper()
	return map[string]func() error{
		"log-in": func() error {
			_, err := s.Authenticate(t.Context(), "user", "emailpass", credentials(email, password))
			return err
		},
		"log-in of the older dialect": func() error { _, err := s.signIn("user", email, password); return err },
		"refresh":                     func() error { _, err := s.Refresh(t.Context(), c); return err },
		"session of a token":          func() error { return s.Present(t.Context(), c) },
	}
}

// A user who was deleted past us is refused, and that ends all they have here. Who
// is a customer as well stays that.
func TestUserIsGone(t *testing.T) {
	t.Parallel()
	for name := range asUser(t, nil, identity.Claims{}, "", "") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend := new(older)
			s := newV1Shop(t, backend)
			backend.add("customer", "both@example.com", "same")
			id := backend.add("user", "both@example.com", "same")
			customer := s.mustSignIn("customer", "both@example.com", "same")
			c := s.mustSignIn("user", "both@example.com", "same")
			ask := asUser(t, s, c, "both@example.com", "same")[name]
			if err := ask(); err != nil {
				t.Fatalf("while the user is there: %v", err)
			}
			delete(backend.accounts, "user both@example.com")
			if err := ask(); identity.CodeOf(err) != identity.CodeUnauthorized || identity.ReasonOf(err) != "actor_gone" {
				t.Errorf("got %v", err)
			}
			if _, err := s.store.ByActor(t.Context(), "user", id); !errors.Is(err, identity.ErrNotFound) {
				t.Errorf("the user is still somebody's: %v", err)
			}
			if _, err := s.Refresh(t.Context(), c); identity.ReasonOf(err) != "revoked" {
				t.Errorf("the token is good: %v", err)
			}
			if again := s.mustSignIn("customer", "both@example.com", "same"); again.ActorID != customer.ActorID {
				t.Errorf("the customer is %+v", again)
			}
		})
	}
}

// Whether somebody is gone is unknown while nobody can say so: nothing ends.
func TestUserMayBeGone(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	id := backend.add("user", "staff@example.com", "theirs")
	c := s.mustSignIn("user", "staff@example.com", "theirs")
	for name, ask := range asUser(t, s, c, "staff@example.com", "theirs") {
		backend.down = identity.Unavailable("backend_down", errors.New("refused"))
		if err := ask(); identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("%s: got %v", name, err)
		}
		backend.down = nil
		if _, err := s.store.ByActor(t.Context(), "user", id); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := ask(); err != nil {
			t.Errorf("%s, when it is back: %v", name, err)
		}
	}
	delete(backend.accounts, "user staff@example.com")
	s.store.fails(errDown, "Unlink")
	for name, ask := range asUser(t, s, c, "staff@example.com", "theirs") {
		if err := ask(); identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("%s, without the store: got %v", name, err)
		}
	}
}

// Customers are asked about where they are shown, not at every log-in: it needs no
// backend.
func TestCustomerIsNotAskedAbout(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	c, _, err := s.signUp("jane@example.com", "secret")
	if err != nil {
		t.Fatal(err)
	}
	backend.down = identity.Unavailable("backend_down", errors.New("refused"))
	if _, err := s.Refresh(t.Context(), c); err != nil {
		t.Errorf("refresh: %v", err)
	}
	if err := s.Present(t.Context(), c); err != nil {
		t.Errorf("session: %v", err)
	}
}
