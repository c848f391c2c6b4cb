package dialectv1_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"go.uber.org/goleak"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/dialectv1"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The origins of the recorded exchanges.
const (
	storefront = "http://localhost:8000"
	dashboard  = "http://localhost:7001"
	stranger   = "http://evil.example"
)

// shop is a server with the routes of the dialect, and everything behind them in
// memory. What is not for the dialect is answered 299.
type shop struct {
	*httptest.Server
	t        *testing.T
	embedded *redisstore.Embedded
	store    *redisstore.Store
	service  *identity.Service
	ring     *token.Ring
	sessions *session.Manager
	verifier *verify.Verifier
	hasher   *password.Hasher
	resets   *resets

	now   time.Time // when the clock began
	clock *identitytest.Clock
	log   *identitytest.Log
}

// setup is what tests change about a shop.
type setup struct {
	config   dialectv1.Config
	sessions session.Settings
	secret   string
	cookies  string
	newID    func() string
	now      time.Time
	rates    map[identity.Bucket]limit.Rate // nil: nothing is limited
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// limiter is one with those rates, or none without.
func (s *shop) limiter(rates map[identity.Bucket]limit.Rate) identity.Limiter {
	if rates == nil {
		return nil
	}
	l, err := limit.New(limit.Config{Counter: s.store, Rates: rates})
	must(s.t, err)
	return l
}

func newShop(t *testing.T, change func(*setup)) *shop {
	t.Helper()
	s := &shop{t: t, resets: &resets{}, log: new(identitytest.Log)}
	origins, err := httpapi.ParseOrigins([]string{storefront, dashboard})
	must(t, err)
	set := setup{
		config: dialectv1.Config{Origins: origins, Logger: slog.New(slog.NewJSONHandler(s.log, nil))},
		secret: "reference-jwt-secret-of-32-bytes!", cookies: "reference-cookie-secret-32-bytes!",
		newID: func() string { return ulid.Make().String() }, now: time.Now().Truncate(time.Second),
	}
	if change != nil {
		change(&set)
	}
	s.now, s.clock = set.now, identitytest.NewClockAt(set.now)
	s.embedded, err = redisstore.NewEmbedded()
	must(t, err)
	t.Cleanup(func() { _ = s.embedded.Close() })
	s.store, err = redisstore.New(s.embedded.Client(), redisstore.Options{Clock: s.clock.Now, Timeout: 10 * time.Second})
	must(t, err)
	key, err := token.NewSecret(identity.NewSecret(set.secret), true)
	must(t, err)
	s.ring, err = token.NewRing(token.Config{Keys: []token.Key{key}, Clock: s.clock.Now})
	must(t, err)
	s.hasher, err = password.New(password.Config{Argon2Memory: 64, Argon2Time: 1})
	must(t, err)
	s.sessions, err = session.NewManager(session.Config{
		Settings: set.sessions, Store: s.store, Clock: s.clock.Now, Secrets: []identity.Secret{identity.NewSecret(set.cookies)},
	})
	must(t, err)
	s.verifier, err = verify.New(verify.Config{
		Tokens: s.ring, Identities: s.store, Sessions: s.sessions, Actors: s.store, MaxAge: time.Second, Clock: s.clock.Now,
	})
	must(t, err)
	s.service, err = identity.NewService(identity.Config{
		Store: s.store, Attempts: s.store, Resets: s.resets, Tokens: s.ring, NewID: set.newID, Clock: s.clock.Now, Revoked: s.verifier.Forget,
		Limiter:   s.limiter(set.rates),
		Providers: []identity.NamedProvider{{ID: "emailpass", Provider: emailpass.New(s.hasher, slog.New(slog.DiscardHandler))}},
	})
	must(t, err)
	c := set.config
	if c.Service == nil {
		c.Service = s.service
	}
	if c.Sessions == nil {
		c.Sessions = s.sessions
	}
	c.Tokens, c.Verifier = s.ring.V1(), s.verifier
	handler, err := dialectv1.New(c)
	must(t, err)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(identity.WithClient(r.Context(), r.Header.Get("Client")))
		if !handler.Serve(w, r) {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(299)
			_, _ = w.Write(body)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

type response struct {
	status int
	header http.Header
	body   string
}

// cookie is the name and value of the cookie that the answer sets, or "".
func (r response) cookie() string {
	pair, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	return pair
}

func (r response) want(t *testing.T, status int, body string) {
	t.Helper()
	if r.status != status || r.body != body {
		t.Errorf("got %d %s, want %d %s", r.status, r.body, status, body)
	}
}

// send sends a JSON body, or none, and headers in pairs.
func (s *shop) send(method, path, body string, header ...string) response {
	s.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL, reader)
	must(s.t, err)
	r.URL.Opaque = path // as it is written, however bad
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n < len(header); n += 2 {
		if r.Header.Del(header[n]); header[n+1] != "" {
			r.Header.Set(header[n], header[n+1])
		}
	}
	res, err := s.Client().Transport.RoundTrip(r)
	must(s.t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	must(s.t, err)
	return response{res.StatusCode, res.Header, string(data)}
}

// mustSend is send for an answer of that status.
func (s *shop) mustSend(status int, method, path, body string, header ...string) response {
	s.t.Helper()
	r := s.send(method, path, body, header...)
	if r.status != status {
		s.t.Fatalf("%s %s: got %d %s, want %d", method, path, r.status, r.body, status)
	}
	return r
}

const (
	jane = `{"email":"jane@example.com","password":"Passw0rd!"}`
	ann  = `{"email":"ann@example.com","password":"supersecret"}`
)

// janeSignsUp makes a customer, and returns the cookie.
func (s *shop) janeSignsUp() string {
	s.t.Helper()
	return s.mustSend(200, "POST", "/store/customers", jane).cookie()
}

// annIsStaff makes a user.
func (s *shop) annIsStaff() {
	s.t.Helper()
	c, err := s.service.Register(s.t.Context(), "user", "emailpass", identity.Input{Body: map[string]any{"email": "ann@example.com", "password": "supersecret"}})
	must(s.t, err)
	must(s.t, s.service.Link(s.t.Context(), c.IdentityID, "user", "usr_1"))
}

// resets is a queue that remembers what came.
type resets struct {
	mu       sync.Mutex
	requests []identity.ResetRequest
	err      error
}

func (q *resets) Enqueue(_ context.Context, r identity.ResetRequest) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.requests = append(q.requests, r)
	return q.err
}

// issue returns the token for the last request.
func (s *shop) issue() string {
	s.t.Helper()
	n, err := s.service.IssueReset(s.t.Context(), s.resets.requests[len(s.resets.requests)-1])
	must(s.t, err)
	if n == nil {
		s.t.Fatal("nobody is told")
	}
	return n.Token.Reveal()
}
