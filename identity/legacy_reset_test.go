package identity_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// passes hands a request on that was asked for now.
func (s *v1Shop) passes(id, actorType, address string) {
	s.t.Helper()
	r := identity.ResetRequest{ID: id, Provider: "emailpass", ActorType: actorType, Identifier: address, AskedAt: s.now}
	if err := s.PassReset(s.t.Context(), r); err != nil {
		s.t.Fatal(err)
	}
}

// The backend mails somebody who has not moved over once a minute at most, however
// the address is written; who is asked for as something else is somebody else.
func TestPauseBetweenResetsAtTheBackend(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	wants := func(doing string, want ...string) {
		t.Helper()
		if !slices.Equal(backend.asked, want) {
			t.Errorf("%s: the backend was asked for %q, want %q", doing, backend.asked, want)
		}
		backend.asked = nil
	}
	s.passes("1", "customer", "old@example.com")
	wants("first", "customer old@example.com")
	for n, spelling := range []string{"old@example.com", "OLD@Example.com", " old@example.com"} {
		s.now = s.now.Add(time.Second)
		s.passes(fmt.Sprintf("again %d", n), "customer", spelling)
	}
	wants("again")
	s.passes("u", "user", "old@example.com")
	s.passes("o", "customer", "other@example.com")
	wants("others", "user old@example.com", "customer other@example.com")
	s.passes("n1", "customer", "No Address")
	s.passes("n2", "customer", "NO ADDRESS")
	wants("no address", "customer No Address")

	s.now = s.now.Add(time.Minute - 3*time.Second - time.Millisecond)
	s.passes("2", "customer", "old@example.com")
	wants("too soon")
	s.now = s.now.Add(time.Millisecond)
	s.passes("3", "customer", "old@example.com")
	wants("a minute later", "customer old@example.com")
}

// What failed is repeated: it is the same request.
func TestResetAtTheBackendIsRepeated(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	r := identity.ResetRequest{ID: "1", Provider: "emailpass", ActorType: "customer", Identifier: "old@example.com", AskedAt: s.now}
	backend.down = identity.Unavailable("backend_down", errors.New("refused"))
	if err := s.PassReset(t.Context(), r); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	backend.down = nil
	if err := s.PassReset(t.Context(), r); err != nil || len(backend.asked) != 1 {
		t.Errorf("%v, and the backend was asked for %q", err, backend.asked)
	}
}

// What may have been done is done: mail after mail cannot be stopped.
func TestUncertainResetAtTheBackend(t *testing.T) {
	t.Parallel()
	backend := &older{down: fmt.Errorf("%w: %w", identity.ErrUncertain, errDown)}
	s := newV1Shop(t, backend)
	s.passes("1", "customer", "old@example.com")
}

// A flood of addresses costs no more memory, and others are told.
func TestFloodOfResetsAtTheBackend(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	const most = 1 << 14
	for n := range most + 100 {
		s.passes(fmt.Sprint(n), "customer", fmt.Sprintf("flood%d@example.com", n))
	}
	if len(backend.asked) != most+100 {
		t.Errorf("the backend was asked %d times", len(backend.asked))
	}
	backend.asked = nil
	for n := range most + 100 {
		s.passes(fmt.Sprint(n, "again"), "customer", fmt.Sprintf("flood%d@example.com", n))
	}
	if forgotten := len(backend.asked); forgotten < 100 || forgotten > 500 {
		t.Errorf("%d were forgotten", forgotten)
	}
}

// A forged reset token of the backend is refused before anything is hashed.
func TestForgedResetOfTheBackend(t *testing.T) {
	t.Parallel()
	backend := new(older)
	s := newV1Shop(t, backend)
	backend.add("customer", "old@example.com", "forgotten")
	backend.tokens["old@example.com"] = "theirs"
	long := strings.Repeat("x", 2000) // which the hasher refuses, if it is asked
	reset := func(token string) error {
		_, err := s.ResetPassword(t.Context(), "customer", "old@example.com", token, identity.Input{Body: map[string]any{"password": long}})
		return err
	}
	if err := reset("garbage"); answer(err) != invalidToken {
		t.Errorf("garbage: %v", err)
	}
	if err := reset("theirs"); identity.CodeOf(err) != identity.CodeInvalid {
		t.Errorf("the password is too long: %v", err)
	}
	if backend.checked != 2 || backend.tokens["old@example.com"] == "" {
		t.Errorf("checked %d, tokens %q", backend.checked, backend.tokens)
	}
}
