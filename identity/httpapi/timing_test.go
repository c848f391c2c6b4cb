package httpapi_test

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/crypto/bcrypt"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// timed is a shop as it is in production, but for cheaper hashes: what differs
// beside them shows the more. It is asked without a network.
type timed struct {
	t       *testing.T
	handler http.Handler
}

// newTimed makes one in which ann@example.com has a password, and for each kind of
// imported hash somebody has one of that name.
func newTimed(t *testing.T) *timed {
	t.Helper()
	embedded, err := redisstore.NewEmbedded()
	must(t, err)
	t.Cleanup(func() { _ = embedded.Close() })
	store, err := redisstore.New(embedded.Client(), redisstore.Options{Timeout: 30 * time.Second})
	must(t, err)
	key, err := token.NewSecret(identity.NewSecret("reference-jwt-secret-of-32-bytes!"), false)
	must(t, err)
	ring, err := token.NewRing(token.Config{Keys: []token.Key{key}})
	must(t, err)
	hasher, err := password.New(password.Config{Argon2Memory: 512, Argon2Time: 1})
	must(t, err)
	sessions, err := session.NewManager(session.Config{Store: store, Secrets: []identity.Secret{identity.NewSecret("reference-cookie-secret-32-bytes!")}})
	must(t, err)
	verifier, err := verify.New(verify.Config{Tokens: ring, Identities: store, Sessions: sessions})
	must(t, err)
	rates := limit.Defaults()
	for name := range rates { // of which no sample comes to the half
		rates[name] = limit.Rate{Events: 1_000_000, Window: 24 * time.Hour}
	}
	limiter, err := limit.New(limit.Config{Counter: store, Rates: rates})
	must(t, err)
	service, err := identity.NewService(identity.Config{
		Store: store, Resets: &resets{}, Tokens: ring, Limiter: limiter, NewID: func() string { return ulid.Make().String() },
		Providers: []identity.NamedProvider{{ID: "emailpass", Provider: emailpass.New(hasher, slog.New(slog.DiscardHandler))}},
	})
	must(t, err)
	handler, err := httpapi.New(httpapi.Config{Service: service, Tokens: ring, Sessions: sessions, Verifier: verifier})
	must(t, err)
	own, err := hasher.Hash(t.Context(), "secret")
	must(t, err)
	scrypt, err := password.New(password.Config{Format: password.Scrypt, ScryptLogN: 7, ScryptR: 8, ScryptP: 1})
	must(t, err)
	imported, err := scrypt.Hash(t.Context(), "secret")
	must(t, err)
	cheap, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	must(t, err)
	for name, hash := range map[string]identity.Secret{"ann": own, "scrypt": imported, "bcrypt": identity.NewSecret(string(cheap)), "corrupt": identity.NewSecret("x")} {
		address := name + "@example.com"
		must(t, store.Create(t.Context(), &identity.Identity{ID: "authid_" + name, Providers: map[string]identity.ProviderIdentity{
			"emailpass": {Provider: "emailpass", EntityID: address, Key: address, Credential: hash},
		}}))
	}
	return &timed{t, handler}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// takes returns how long the answer to a request takes, and fails the test unless it
// has that status.
func (s *timed) takes(path, body string, status int) time.Duration {
	r := httptest.NewRequestWithContext(identity.WithClient(s.t.Context(), "192.0.2.1"), http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	begun := time.Now()
	s.handler.ServeHTTP(w, r)
	took := time.Since(begun)
	if w.Code != status {
		data, _ := io.ReadAll(w.Body)
		s.t.Fatalf("%s: %d %s", path, w.Code, data)
	}
	return took
}

// compared is how two classes of requests differ in time.
type compared struct {
	// bias is the difference of their medians, as a part of the first one's.
	bias float64
	// ahead is how often a request of the first class took longer than one of the
	// second: 0.5 if nothing can be told (the effect size of the rank test by Mann
	// and Whitney).
	ahead float64
	// chance is how far from a half that gets by chance alone: four standard deviations.
	chance float64
}

func (c compared) String() string {
	return fmt.Sprintf("medians differ by %+.2f %%, the first is slower in %.1f %%", 100*c.bias, 100*c.ahead)
}

// compare takes that many samples of each class, in pairs and each pair in any
// order, so that whatever else the machine does concerns both.
func compare(samples int, first, second func() time.Duration) compared {
	var took [2][]float64
	classes := [2]func() time.Duration{first, second}
	for range samples {
		one := rand.IntN(2)
		for _, n := range [2]int{one, 1 - one} {
			took[n] = append(took[n], float64(classes[n]()))
		}
	}
	slices.Sort(took[0])
	slices.Sort(took[1])
	slower, below := 0.0, 0
	for _, a := range took[0] {
		for below < len(took[1]) && took[1][below] < a {
			below++
		}
		slower += float64(below)
	}
	middle := samples / 2
	return compared{
		bias:  (took[0][middle] - took[1][middle]) / took[0][middle],
		ahead: slower / float64(samples) / float64(samples),
		// The variance is that of the rank test without ties: (n+m+1)/(12nm).
		chance: 4 * math.Sqrt(float64(2*samples+1)/12) / float64(samples),
	}
}

// The bounds of what counts as a difference: one that shows in the ranks and is not
// small as well. A hash of these tests is a fortieth of the default one, so what is
// allowed is about a thousandth of a real log-in.
const (
	maxBias  = 0.05
	maxAhead = 0.1
)

func (c compared) differ() bool {
	return math.Abs(c.bias) > maxBias && math.Abs(c.ahead-0.5) > max(maxAhead, c.chance)
}

// testTiming compares requests about accounts that there are with those about
// accounts that there are not, by that many samples of each. (attacks.md H1)
func testTiming(t *testing.T, samples int) {
	s := newTimed(t)
	n := 0
	unknown := func() string { n++; return fmt.Sprint("nobody", n) }
	login := func(name, pass string) time.Duration {
		return s.takes("/auth/customer/emailpass", fmt.Sprintf(`{"email":"%s@example.com","password":%q}`, name, pass), http.StatusUnauthorized)
	}
	reset := func(name string) time.Duration {
		return s.takes("/auth/customer/emailpass/reset-password", fmt.Sprintf(`{"identifier":"%s@example.com"}`, name), http.StatusCreated)
	}
	as := func(name string) func() time.Duration { return func() time.Duration { return login(name, "wrong") } }
	nobody := func() time.Duration { return login(unknown(), "wrong") }
	impossible := func() time.Duration { return login("ann", strings.Repeat("x", 2000)) }
	for range 50 { // caches are filled
		as("ann")()
		nobody()
	}
	for _, test := range []struct {
		name          string
		first, second func() time.Duration
		samples       int
	}{
		{"log-in, known and unknown", as("ann"), nobody, samples},
		{"reset, known and unknown", func() time.Duration { return reset("ann") }, func() time.Duration { return reset(unknown()) }, samples},
		{"log-in, unreadable hash and unknown", as("corrupt"), nobody, samples / 2},
		{"log-in, impossible password", impossible, func() time.Duration { return login(unknown(), strings.Repeat("x", 2000)) }, samples / 4},
	} {
		got := compare(test.samples, test.first, test.second)
		t.Logf("%s: %s", test.name, got)
		if got.differ() {
			t.Errorf("%s can be told apart: %s", test.name, got)
		}
	}
	// What is cheaper than the configured hash costs that as well (docs/security.md), so
	// it is never faster. How much slower depends on the race detector, which slows
	// bcrypt, written in Go, and not argon2id's assembly.
	for _, name := range []string{"scrypt", "bcrypt"} {
		got := compare(samples/4, as(name), nobody)
		t.Logf("log-in, imported %s and unknown: %s", name, got)
		if got.bias < 0 && got.differ() {
			t.Errorf("imported %s: %s", name, got)
		}
	}
	// The test can tell: of one class no password is compared. Beside other work that
	// takes more samples.
	for n := samples / 4; ; n *= 2 {
		got := compare(n, impossible, as("ann"))
		if got.differ() {
			break
		}
		if n > 100*samples {
			t.Fatalf("what takes another time is not told apart: %s", got)
		}
	}
}

func TestTimingOfAnswers(t *testing.T) { testTiming(t, 300) }
