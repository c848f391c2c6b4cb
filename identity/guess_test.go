package identity_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusa"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// plainHasher stores passwords as they are, and counts what it judges.
type plainHasher struct {
	judged atomic.Int64
	err    atomic.Value
}

func (h *plainHasher) Hash(_ context.Context, password string) (identity.Secret, error) {
	return identity.NewSecret(password), nil
}

func (h *plainHasher) Verify(_ context.Context, stored identity.Secret, password string) (bool, error) {
	h.judged.Add(1)
	err, _ := h.err.Load().(error)
	return stored.Reveal() == password, err
}

func (h *plainHasher) VerifyNone(context.Context, string) error {
	h.judged.Add(1)
	err, _ := h.err.Load().(error)
	return err
}

func (*plainHasher) NeedsRehash(identity.Secret) bool { return false }

// guarded is a service with limits, of which time gives nothing back.
type guarded struct {
	*identity.Service
	t       *testing.T
	hasher  plainHasher
	counter *counter
	medusa  *identitytest.Medusa
	tokens  *token.Ring
	queue   *queue
}

// few are rates that tests reach soon.
var few = map[identity.Bucket]limit.Rate{
	identity.BucketLogin:        {Events: 20, Window: 20 * time.Hour},
	identity.BucketAccount:      {Events: 8, Window: 80 * time.Hour},
	identity.BucketNetwork:      {Events: 4, Window: 400 * time.Hour},
	identity.BucketDevice:       {Events: 3, Window: 3 * time.Hour},
	identity.BucketResetAccount: {Events: 3, Window: 3 * time.Hour},
}

// newGuarded makes a service with emailpass twice; behind says whether a Medusa is
// behind it from which accounts move over.
func newGuarded(t *testing.T, behind bool) *guarded {
	t.Helper()
	g := &guarded{t: t, counter: newCounter(), queue: new(queue)}
	embedded, err := redisstore.NewEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = embedded.Close() })
	store, err := redisstore.New(embedded.Client(), redisstore.Options{Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.NewSecret(identity.NewSecret("0123456789abcdef0123456789abcdef"), false)
	if err != nil {
		t.Fatal(err)
	}
	if g.tokens, err = token.NewRing(token.Config{Keys: []token.Key{key}}); err != nil {
		t.Fatal(err)
	}
	limiter, err := limit.New(limit.Config{Counter: g.counter, Rates: few, Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	provider := emailpass.New(&g.hasher, slog.New(slog.DiscardHandler))
	g.Service, err = identity.NewService(identity.Config{
		Store: store, Resets: g.queue, Tokens: g.tokens, Limiter: limiter,
		NewID:     func() string { return ulid.Make().String() },
		Providers: []identity.NamedProvider{{ID: "emailpass", Provider: provider}, {ID: "staff", Provider: provider}},
		Actors:    map[string][]string{"customer": {"emailpass"}, "user": {"emailpass", "staff"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if behind {
		g.medusa = identitytest.NewMedusa(t, "0123456789abcdef0123456789abcdef")
		backend, err := medusa.New(medusa.Config{
			URL: g.medusa.Server.URL, Tokens: g.tokens, Key: identity.NewSecret("key"), Logger: slog.New(slog.DiscardHandler), Timeout: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(backend.Close)
		g.Service = g.WithBackend(identity.BackendConfig{Backend: backend, Mirror: true, Migrate: true, Logger: slog.New(slog.DiscardHandler)})
	}
	identity.Hasten(g.Service)
	g.register("ann@example.com", "secret")
	return g
}

func (g *guarded) register(address, password string) {
	g.t.Helper()
	if _, err := g.Register(g.t.Context(), "customer", "emailpass", credentials(address, password)); err != nil {
		g.t.Fatal(err)
	}
	g.settled()
	g.counter.forget()
}

// settled waits until everything that is given back was.
func (g *guarded) settled() {
	g.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		g.counter.mu.Lock()
		left := 0
		for name, n := range g.counter.events {
			if !strings.HasPrefix(name, "register") {
				left += n
			}
		}
		g.counter.mu.Unlock()
		if left == 0 {
			return
		}
		if time.Now().After(deadline) { // only a defect
			g.t.Fatalf("%d events are not given back", left)
		}
	}
}

// try logs in from a client.
func (g *guarded) try(client, address, password string) error {
	return g.by(client, address, password, "customer", "emailpass", nil)
}

func (g *guarded) by(client, address, password, actorType, provider string, device func(string) string) error {
	in := credentials(address, password)
	in.Device = device
	_, err := g.Authenticate(identity.WithClient(g.t.Context(), client), actorType, provider, in)
	return err
}

// judged fails the test unless the guess was judged, and wrong.
func (g *guarded) judged(err error) {
	g.t.Helper()
	wantAnswer(g.t, err, "unauthorized: Invalid email or password")
}

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
	if used := g.counter.used("account", "nobody25@example.com") + g.counter.used("network", "192.0.2.66 nobody25@example.com"); used != 0 {
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
