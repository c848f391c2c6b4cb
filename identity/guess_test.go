package identity_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Known and unknown accounts, in whatever spelling, with and without a backend
// from which they move over: the same answers at the same counts. (attacks.md H2)
func TestGuessesOfKnownAndUnknown(t *testing.T) {
	t.Parallel()
	for _, behind := range []bool{false, true} {
		var all []string
		for _, address := range []string{"ann@example.com", "nobody@example.com", "ANN@Example.com", "Nobody@example.com", "old@example.com", "not-an-email"} {
			g := newGuarded(t, behind)
			if behind {
				g.medusa.Account("old@example.com", "hers", "")
			}
			var course strings.Builder
			for n := range 12 {
				client := fmt.Sprintf("192.0.2.%d", n%2+1) // two networks
				err := g.try(client, address, "wrong")
				wait := time.Duration(0)
				if e, ok := errors.AsType[*identity.Error](err); ok {
					wait = e.RetryAfter
				}
				fmt.Fprintf(&course, "%s %s; ", answer(err), wait)
			}
			all = append(all, course.String())
		}
		for n, course := range all {
			if course != all[0] {
				t.Errorf("behind a backend %t, account %d:\n%s\n%s", behind, n, course, all[0])
			}
		}
		if !strings.HasSuffix(all[0], "too_many_requests: Too many requests 100h0m0s; ") || strings.Count(all[0], "unauthorized") != 8 {
			t.Errorf("behind a backend %t: %s", behind, all[0])
		}
	}
}

// One network cannot use up what there is for an account, many can; one client
// cannot try many accounts. (attacks.md H4)
func TestGuessesFromManyAndOfMany(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, false)
	for n := range 4 {
		g.judged(g.try(fmt.Sprintf("2001:db8:0:%x::%x", n, n), "ann@example.com", "wrong"))
	}
	for n := range 4 { // within one site
		wantLimited(t, g.try(fmt.Sprintf("2001:db8:0:1%x::1", n), "ann@example.com", "wrong"), "network_limited", 100*time.Hour)
	}
	for n := range 4 {
		g.judged(g.try(fmt.Sprintf("198.51.100.%d", n), "ann@example.com", "wrong"))
	}
	for n := range 100 {
		wantLimited(t, g.try(fmt.Sprintf("203.0.113.%d", n), "ann@example.com", "secret"), "account_limited", 10*time.Hour)
	}
	before := g.hasher.judged.Load()
	for n := range 30 {
		err := g.try("192.0.2.66", fmt.Sprintf("nobody%d@example.com", n), "wrong")
		if n < 20 {
			g.judged(err)
		} else {
			wantLimited(t, err, "login_limited", time.Hour)
		}
	}
	if got := g.hasher.judged.Load() - before; got != 20 {
		t.Errorf("%d passwords were judged", got)
	}
	// What it is refused takes nothing from the accounts.
	if used := g.counter.used("account", "nobody25@example.com") + g.counter.used("network", "nobody25@example.com", "192.0.2.66"); used != 0 {
		t.Errorf("%d count", used)
	}
}

// However it is written, by whatever provider and as whatever actor type, in
// whatever route: it is one account. (attacks.md H3)
func TestGuessesOfOneAccount(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, false)
	g.register("käthe@bücher.example", "secret")
	for n, spelling := range []string{"käthe@bücher.example", "KÄTHE@BÜCHER.example", "ka\u0308the@xn--bcher-kva.example", " Käthe@bu\u0308cher.example "} {
		client := fmt.Sprintf("192.0.2.%d", n+1)
		g.judged(g.by(client, spelling, "wrong", "customer", "emailpass", nil))
		g.judged(g.by(client, spelling, "wrong", "user", "staff", nil))
	}
	if _, err := g.SignIn(t.Context(), "customer", credentials("käthe@bücher.example", "wrong")); identity.CodeOf(err) != identity.CodeLimited {
		t.Errorf("by the older dialect: %v", err)
	}
	_, err := g.Register(identity.WithClient(t.Context(), "192.0.2.99"), "customer", "emailpass", credentials("käthe@bücher.example", "guess"))
	wantLimited(t, err, "account_limited", 10*time.Hour)
	_, _, err = g.SignUp(identity.WithClient(t.Context(), "192.0.2.99"), credentials("käthe@bücher.example", "guess"), nil)
	wantLimited(t, err, "account_limited", 10*time.Hour)
	for n, spelling := range []string{"not-an-email", "Not-An-Email", " NOT-an-EMAIL", "not-an-email "} { // a backend may take them for one
		g.judged(g.try(fmt.Sprintf("192.0.2.%d", n+1), spelling, "wrong"))
	}
	if used := g.counter.used("account", "not-an-email"); used != 4 {
		t.Errorf("%d attempts count", used)
	}
}

// To register what exists is a guess, and counts like one; what is new does not.
func TestRegistrationsAreGuesses(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, false)
	ctx := identity.WithClient(t.Context(), "192.0.2.1")
	for range 4 {
		_, err := g.Register(ctx, "customer", "emailpass", credentials("ann@example.com", "guess"))
		wantAnswer(t, err, "unauthorized: Identity with email already exists")
	}
	wantLimited(t, g.try("192.0.2.1", "ann@example.com", "secret"), "network_limited", 100*time.Hour)
	g.counter.forget()
	for n := range 100 {
		if _, err := g.Register(ctx, "customer", "emailpass", credentials(fmt.Sprintf("new%d@example.com", n), "secret")); err != nil {
			t.Fatal(err)
		}
	}
	_, err := g.Register(ctx, "customer", "emailpass", credentials("more@example.com", "secret"))
	wantLimited(t, err, "register_limited", 6*time.Second)
	g.settled()
}

// Who is right takes nothing, and who could not be judged neither.
func TestOnlyWrongGuessesCount(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, false)
	for range 50 {
		if err := g.try("192.0.2.1", "ann@example.com", "secret"); err != nil {
			t.Fatal(err)
		}
		g.settled()
	}
	g.hasher.err.Store(identity.Unavailable("hash_queue_full", nil))
	for range 50 {
		if err := g.try("192.0.2.1", "ann@example.com", "wrong"); identity.CodeOf(err) != identity.CodeUnavailable {
			t.Fatal(err)
		}
		g.settled()
	}
	for _, in := range []identity.Input{{}, {Body: map[string]any{"email": "ann@example.com"}}, {Body: map[string]any{"email": 1, "password": "x"}}} {
		_, err := g.Authenticate(t.Context(), "customer", "emailpass", in)
		if identity.CodeOf(err) != identity.CodeUnauthorized {
			t.Error(err)
		}
	}
	g.settled()
}

// Of however many at once, no more are judged than there is place for.
func TestGuessesInParallel(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"ann@example.com", "nobody@example.com"} {
		g := newGuarded(t, false)
		before := g.hasher.judged.Load()
		var all sync.WaitGroup
		start := make(chan struct{})
		for n := range 50 {
			all.Go(func() {
				<-start
				_ = g.try(fmt.Sprintf("192.0.2.%d", n), address, "wrong")
			})
		}
		close(start)
		all.Wait()
		if got := g.hasher.judged.Load() - before; got != 8 {
			t.Errorf("%s: %d guesses were judged, want 8", address, got)
		}
	}
}

// A browser that was in the account before has a bucket of its own, and only there.
// (attacks.md H5)
func TestGuessesWithAKnownBrowser(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, false)
	known := func(account string) string {
		if account == "ann@example.com" {
			return "her browser"
		}
		return ""
	}
	login := func(address, password string) error {
		return g.by("192.0.2.1", address, password, "customer", "emailpass", known)
	}
	for n := range 20 { // somebody else, from everywhere, also from next door
		_ = g.try(fmt.Sprintf("192.0.2.%d", n), "ann@example.com", "wrong")
	}
	wantLimited(t, g.try("198.51.100.1", "ann@example.com", "secret"), "account_limited", 10*time.Hour)
	if err := login("Ann@example.com", "secret"); err != nil {
		t.Errorf("the owner is kept out: %v", err)
	}
	for range 3 {
		g.judged(login("ann@example.com", "wrong"))
	}
	wantLimited(t, login("ann@example.com", "secret"), "device_limited", time.Hour) // a thief has no more
	if used := g.counter.used("account", "ann@example.com"); used != 8 {
		t.Errorf("of strangers %d count", used)
	}
	for range 4 { // it knows one account
		g.judged(login("bob@example.com", "wrong"))
	}
	wantLimited(t, login("bob@example.com", "wrong"), "network_limited", 100*time.Hour)
}

// However many browsers know an account, there is an end to what they guess at it;
// then they are strangers, who are not refused for that.
func TestGuessesWithManyKnownBrowsers(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, false)
	login := func(client string, browser int, password string) error {
		return g.by(client, "ann@example.com", password, "customer", "emailpass", func(string) string { return fmt.Sprint("browser ", browser) })
	}
	for n := range 7 {
		g.judged(login(fmt.Sprintf("192.0.2.%d", n), n, "wrong"))
	}
	if used := g.counter.used("account", "ann@example.com"); used != 0 {
		t.Errorf("of strangers %d count", used)
	}
	for n := range 4 {
		g.judged(login("198.51.100.1", 100+n, "wrong"))
	}
	wantLimited(t, login("198.51.100.1", 200, "secret"), "network_limited", 100*time.Hour)
	if used := g.counter.used("device", "ann@example.com", "browser 200"); used != 0 {
		t.Errorf("what was refused counts in %d", used)
	}
	if err := login("203.0.113.1", 300, "secret"); err != nil {
		t.Errorf("there is place for strangers: %v", err)
	}
	for n := range 4 {
		g.judged(g.try(fmt.Sprintf("203.0.113.%d", n), "ann@example.com", "wrong"))
	}
	wantLimited(t, login("203.0.113.99", 400, "secret"), "account_limited", 10*time.Hour)
	if used := g.counter.used("devices", "ann@example.com"); used != 7 {
		t.Errorf("of all browsers %d count", used)
	}
}

// What a right password took is given back, also of all browsers'.
func TestRightGuessesOfKnownBrowsers(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, false)
	for n := range 20 {
		if err := g.by("192.0.2.1", "ann@example.com", "secret", "customer", "emailpass", func(string) string { return fmt.Sprint(n) }); err != nil {
			t.Fatal(err)
		}
		g.settled()
	}
}
