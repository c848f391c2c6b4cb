package identity_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// The account of an identity is unlocked for all networks, and so is a name that
// nobody has here; who was never guessed at and is nobody is not found.
func TestUnlock(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, false)
	lock := func(email string) {
		t.Helper()
		for n := range 8 {
			g.judged(g.try(fmt.Sprintf("198.51.100.%d", n), email, "wrong"))
		}
		wantLimited(t, g.try("192.0.2.1", email, "secret"), "account_limited", 10*time.Hour)
	}
	lock("ann@example.com")
	lock("nobody@example.com")
	ann, err := g.Service.FindBy(t.Context(), identity.EmailPass, "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := g.Service.Unlock(t.Context(), ann.ID); err != nil || n != 9 { // of 8 networks and the account
		t.Errorf("%d limits were in use: %v", n, err)
	}
	if err := g.try("198.51.100.1", "ann@example.com", "secret"); err != nil {
		t.Errorf("she is kept out: %v", err)
	}
	wantLimited(t, g.try("192.0.2.1", "nobody@example.com", "secret"), "account_limited", 10*time.Hour)
	if id, n, err := g.Service.UnlockBy(t.Context(), identity.EmailPass, "NOBODY@example.com"); id != "" || n != 9 || err != nil {
		t.Errorf("got %q, %d, %v", id, n, err)
	}
	g.judged(g.try("192.0.2.1", "nobody@example.com", "wrong"))
	if id, _, err := g.Service.UnlockBy(t.Context(), identity.EmailPass, " ann@example.com"); id != ann.ID || err != nil {
		t.Errorf("got %q, %v", id, err)
	}
	for _, name := range []string{"somebody@example.com", ""} {
		if id, n, err := g.Service.UnlockBy(t.Context(), identity.EmailPass, name); id != "" || n != 0 || !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%q: got %q, %d, %v", name, id, n, err)
		}
	}
	if _, _, err := g.Service.UnlockBy(t.Context(), "none", "ann@example.com"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("an unknown provider: got %v", err)
	}
	if _, err := g.Service.Unlock(t.Context(), "authid_nobody"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("an unknown identity: got %v", err)
	}
}
