package identity_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
)

// A new password lets its owner in, whatever was tried before.
func TestGuessesBeforeAReset(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, false)
	for n := range 30 {
		_ = g.try(fmt.Sprintf("192.0.2.%d", n%9), "ann@example.com", "wrong")
	}
	ctx := identity.WithClient(t.Context(), "192.0.2.1")
	if err := g.RequestReset(ctx, "customer", "emailpass", "ann@example.com", nil); err != nil {
		t.Fatal(err)
	}
	note, err := g.IssueReset(t.Context(), g.queue.requests[0])
	if err != nil || note == nil {
		t.Fatal(note, err)
	}
	if err := g.Update(ctx, "customer", "emailpass", note.Token.Reveal(), credentials("", "new")); err != nil {
		t.Fatal(err)
	}
	if err := g.try("192.0.2.1", "ann@example.com", "new"); err != nil {
		t.Errorf("the owner is kept out: %v", err)
	}
}

// Requests for new passwords count, for known and unknown accounts alike.
func TestResetsAreLimited(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"ann@example.com", "nobody@example.com", "Nobody@Example.com", strings.Repeat("x", 2000)} {
		g := newGuarded(t, false)
		for n := range 5 {
			ctx := identity.WithClient(t.Context(), fmt.Sprintf("192.0.2.%d", n))
			err := g.RequestReset(ctx, "customer", "emailpass", address, nil)
			if n < 3 && err != nil {
				t.Fatal(err)
			}
			if n >= 3 {
				wantLimited(t, err, "reset_account_limited", time.Hour)
			}
		}
		// Who asks as a user takes nothing from a customer.
		if err := g.RequestReset(identity.WithClient(t.Context(), "192.0.2.7"), "user", "emailpass", address, nil); err != nil {
			t.Error(err)
		}
		for n := range 30 {
			_ = g.RequestReset(identity.WithClient(t.Context(), "192.0.2.99"), "customer", "emailpass", fmt.Sprint(n, "@example.com"), nil)
		}
		err := g.RequestReset(identity.WithClient(t.Context(), "192.0.2.99"), "customer", "emailpass", "carol@example.com", nil)
		wantLimited(t, err, "reset_limited", 20*time.Second)
	}
}

// Whom the operator trusts is not limited by address; accounts are all the same.
func TestGuessesOfATrustedClient(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, false)
	for n := range 100 {
		g.judged(g.try("10.1.2.3", fmt.Sprintf("nobody%d@example.com", n), "wrong"))
	}
	for range 8 {
		g.judged(g.try("10.1.2.3", "ann@example.com", "wrong"))
	}
	wantLimited(t, g.try("10.1.2.3", "ann@example.com", "secret"), "account_limited", 10*time.Hour)
}

// What the backend may be asked is limited too: who is right gets in all the same,
// and who is wrong hears the same, known or unknown.
func TestGuessesAtTheBackend(t *testing.T) {
	t.Parallel()
	for _, bucket := range []string{"migration 192.0.2.1", "migration_all "} {
		g := newGuarded(t, true)
		g.medusa.Account("old@example.com", "hers", "")
		name, of, _ := strings.Cut(bucket, " ")
		g.counter.fill(name, of)
		wait := limit.Defaults()[identity.Bucket(name)].Interval()
		before := g.medusa.Calls(loginRoute)
		if err := g.try("192.0.2.1", "ann@example.com", "secret"); err != nil {
			t.Errorf("%s: who is right: %v", bucket, err)
		}
		for _, address := range []string{"ann@example.com", "nobody@example.com", "ANN@example.com", "old@example.com"} {
			wantLimited(t, g.try("192.0.2.1", address, "wrong"), name+"_limited", wait)
		}
		wantLimited(t, g.try("192.0.2.1", "old@example.com", "hers"), name+"_limited", wait)
		if got := g.medusa.Calls(loginRoute) - before; got != 0 {
			t.Errorf("%s: the backend was asked %d times", bucket, got)
		}
		g.counter.forget()
		if err := g.try("192.0.2.1", "old@example.com", "hers"); err != nil {
			t.Errorf("%s: later: %v", bucket, err)
		}
	}
}

// Who cannot be counted is not judged: 503, never 401, and nothing is hashed.
func TestGuessesThatCannotBeCounted(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"ann@example.com", "nobody@example.com"} {
		g := newGuarded(t, false)
		before := g.hasher.judged.Load()
		g.counter.fail(limit.Reply{Err: errDown})
		for range 30 {
			if err := g.try("192.0.2.1", address, "secret"); identity.CodeOf(err) != identity.CodeUnavailable || identity.ReasonOf(err) != "store_refused" {
				t.Errorf("%s: %v", address, err)
			}
		}
		if n := g.hasher.judged.Load() - before; n != 0 {
			t.Errorf("%d passwords were judged", n)
		}
		g.counter.fail(limit.Reply{})
		g.judged(g.try("192.0.2.1", address, "wrong"))
	}
}

// Where accounts can be read and attempts cannot be counted, or not all of them,
// this process lets through a quarter of what there is, and no more.
func TestGuessesWithStandIns(t *testing.T) {
	t.Parallel()
	readOnly := limit.Reply{Err: identity.Unavailable("store_readonly", nil), ReadOnly: true}
	for name, fail := range map[string]func(c *counter){
		"read-only":          func(c *counter) { c.fail(readOnly) },
		"a part of it gone":  func(c *counter) { c.fail(limit.Reply{Err: errDown}, "login") },
		"a part is readable": func(c *counter) { c.fail(readOnly, "login", "network") },
	} {
		for _, address := range []string{"ann@example.com", "nobody@example.com"} {
			g := newGuarded(t, false)
			before := g.hasher.judged.Load()
			fail(g.counter)
			judged := 0
			for n := range 30 {
				err := g.try(fmt.Sprintf("192.0.2.%d", n), address, "wrong")
				switch identity.CodeOf(err) {
				case identity.CodeUnauthorized:
					judged++
				case identity.CodeLimited:
				default:
					t.Errorf("%s: %v", name, err)
				}
			}
			if got := g.hasher.judged.Load() - before; judged != 2 || got != 2 { // of eight
				t.Errorf("%s, %s: %d were judged, %d said so", name, address, got, judged)
			}
			if used := g.counter.used("login", "192.0.2.20"); used != 0 {
				t.Errorf("%s: what a stand-in refuses counts elsewhere", name)
			}
		}
	}
}
