package identity_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Staff make a customer account with the address of a user: the user is not kept
// out, but moves over first.
func TestCustomerWithTheAddressOfAUser(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	id := backend.add("user", "staff@example.com", "theirs")
	for _, spelling := range []string{"staff@example.com", "Staff@Example.com"} {
		_, err := s.EntryFor(t.Context(), "customer", spelling)
		wantAnswer(t, err, "not_allowed: A user has this email and has not logged in here yet; that comes first")
	}
	if _, err := s.EntryFor(t.Context(), "user", "staff@example.com"); err != nil { // Medusa says that there is one
		t.Errorf("a user: %v", err)
	}
	if _, err := s.EntryFor(t.Context(), "customer", "jane@example.com"); err != nil {
		t.Errorf("nobody's address: %v", err)
	}
	backend.down = identity.Unavailable("backend_down", errors.New("refused"))
	if _, err := s.EntryFor(t.Context(), "customer", "staff@example.com"); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("unknown is no: %v", err)
	}
	backend.down = nil
	if c := s.mustSignIn("user", "staff@example.com", "theirs"); c.ActorID != id {
		t.Errorf("logged in as %+v", c)
	}
	// Now the customer is the user's own, with the user's password.
	p, err := s.EntryFor(t.Context(), "customer", "staff@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Entrust(t.Context(), "customer", "cus_9", p, "chosen by staff"); err != nil {
		t.Fatal(err)
	}
	if c := s.mustSignIn("customer", "staff@example.com", "theirs"); c.ActorID != "cus_9" {
		t.Errorf("logged in as %+v", c)
	}
}

// Anybody may have made a customer under a user's address at the backend, with a
// password of their own. The user moves over first, and is not kept out.
func TestCustomerOfOldWithTheAddressOfAUser(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	backend.add("customer", "staff@example.com", "a squatter's")
	user := backend.add("user", "staff@example.com", "the user's")
	backend.tokens["staff@example.com"] = "of the customer"
	for _, spelling := range []string{"staff@example.com", "STAFF@example.com"} {
		c, err := s.signIn("customer", spelling, "a squatter's")
		if identity.ReasonOf(err) != "address_of_user" || identity.CodeOf(err) != identity.CodeUnauthorized {
			t.Errorf("the customer: %+v, %v", c, err)
		}
		c, err = s.ResetPassword(t.Context(), "customer", spelling, "of the customer", credentials(spelling, "by a reset"))
		if identity.ReasonOf(err) != "address_of_user" || identity.CodeOf(err) != identity.CodeUnauthorized {
			t.Errorf("the customer, by a reset: %+v, %v", c, err)
		}
	}
	if a := backend.account("customer", "staff@example.com"); a.password != "a squatter's" {
		t.Errorf("the backend has the password %q", a.password)
	}
	if c := s.mustSignIn("user", "staff@example.com", "the user's"); c.ActorID != user {
		t.Errorf("the user is %+v", c)
	}
	if c, err := s.signIn("customer", "staff@example.com", "a squatter's"); identity.CodeOf(err) != identity.CodeUnauthorized {
		t.Errorf("the customer afterwards: %+v, %v", c, err)
	}
}

// What keeps an old password at the backend is repeated; log-ins do not wait for it.
func TestSealIsRepeated(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"moved over": false, "joined": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend := new(older)
			s := newV1Shop(t, backend)
			type retry struct {
				actorType, actorID string
				operation          func(context.Context) error
			}
			var retries []retry
			s.Service = s.WithLegacy(identity.LegacyConfig{
				Legacy: backend, Migrate: true, Logger: slog.New(slog.DiscardHandler),
				Retry: func(actorType, actorID string, operation func(context.Context) error) {
					retries = append(retries, retry{actorType, actorID, operation})
				},
			})
			if again { // the user moved over, then the customer of the same address
				backend.add("user", "jane@example.com", "weak")
				s.mustSignIn("user", "jane@example.com", "weak")
			}
			id := backend.add("customer", "jane@example.com", "weak")
			backend.sealErr = identity.Unavailable("backend_down", errors.New("refused"))
			s.mustSignIn("customer", "jane@example.com", "weak")
			if len(retries) != 1 || retries[0].actorType != "customer" || retries[0].actorID != id {
				t.Fatalf("repeated is %v", retries)
			}
			if err := retries[0].operation(t.Context()); identity.CodeOf(err) != identity.CodeUnavailable {
				t.Errorf("still down: %v", err)
			}
			backend.sealErr = nil
			if err := retries[0].operation(t.Context()); err != nil {
				t.Error(err)
			}
			if a := backend.account("customer", "jane@example.com"); a.password != "derived of jane@example.com" {
				t.Errorf("the backend has the password %q", a.password)
			}
			s.mustSignIn("customer", "jane@example.com", "weak")
			if len(retries) != 1 {
				t.Errorf("repeated is %v", retries)
			}
		})
	}
}

// Who becomes a user under the address of a customer who has not moved over keeps
// the customer's account closed until the user is gone (docs/medusa-v1.md). Who moves
// over first is both.
func TestUserWithTheAddressOfACustomer(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"at once": false, "after moving over": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend := new(older)
			s := newV1Shop(t, backend)
			id := backend.add("customer", "ada@example.com", "theirs")
			if first {
				s.mustSignIn("customer", "ada@example.com", "theirs")
			}
			p, err := s.EntryFor(t.Context(), "user", "ada@example.com")
			if err != nil {
				t.Fatal(err)
			}
			user := backend.add("user", "ada@example.com", "derived")
			if err := s.Entrust(t.Context(), "user", user, p, "new"); err != nil {
				t.Fatal(err)
			}
			s.mustSignIn("user", "ada@example.com", "new")
			if c, err := s.signIn("customer", "ada@example.com", "new"); (err == nil) != first || first && c.ActorID != id {
				t.Errorf("as the customer: %+v, %v", c, err)
			}
			if _, err := s.signIn("customer", "ada@example.com", "theirs"); identity.CodeOf(err) != identity.CodeUnauthorized {
				t.Errorf("with the old password: %v", err)
			}
			if first {
				return
			}
			delete(backend.accounts, "user ada@example.com")
			if err := s.Unlink(t.Context(), "user", user); err != nil {
				t.Fatal(err)
			}
			if c := s.mustSignIn("customer", "ada@example.com", "theirs"); c.ActorID != id {
				t.Errorf("the customer is %+v", c)
			}
		})
	}
}
