package httpapi_test

import (
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"go.uber.org/goleak"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
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
	dashboard  = "http://localhost:5173"
	stranger   = "http://evil.example"
)

// shop is a server with the routes and everything behind them, in memory.
type shop struct {
	*httptest.Server
	t        *testing.T
	embedded *redisstore.Embedded
	service  *identity.Service
	ring     *token.Ring
	resets   *resets
	log      *identitytest.Log
	clock    *identitytest.Clock
	google   *redirect
}

// setup is what tests change about a shop.
type setup struct {
	config   httpapi.Config
	sessions session.Settings
	keys     []token.Key
	http2    bool
	links    bool
}

func newShop(t *testing.T, change func(*setup)) *shop {
	t.Helper()
	s := &shop{t: t, resets: &resets{}, log: new(identitytest.Log), clock: identitytest.NewClockAt(time.Now().Truncate(time.Second)), google: &redirect{name: "Google Authentication"}}
	secret, err := token.NewSecret(identity.NewSecret("reference-jwt-secret-of-32-bytes!"), false)
	if err != nil {
		t.Fatal(err)
	}
	origins, err := httpapi.ParseOrigins([]string{storefront, dashboard, "http://localhost:9000"})
	if err != nil {
		t.Fatal(err)
	}
	set := setup{
		config: httpapi.Config{Origins: origins, Logger: slog.New(slog.NewJSONHandler(s.log, nil))},
		keys:   []token.Key{secret},
	}
	if change != nil {
		change(&set)
	}
	s.assemble(&set)
	handler, err := httpapi.New(set.config)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewUnstartedServer(handler)
	if set.http2 {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// assemble fills in the parts that the test did not choose.
func (s *shop) assemble(set *setup) {
	t := s.t
	var err error
	if s.embedded, err = redisstore.NewEmbedded(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.embedded.Close() })
	store, err := redisstore.New(s.embedded.Client(), redisstore.Options{Timeout: 30 * time.Second, Clock: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	if s.ring, err = token.NewRing(token.Config{Keys: set.keys, Clock: s.clock.Now}); err != nil {
		t.Fatal(err)
	}
	hasher, err := password.New(password.Config{Argon2Memory: 64, Argon2Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := session.NewManager(session.Config{
		Settings: set.sessions, Store: store, Clock: s.clock.Now,
		Secrets: []identity.Secret{identity.NewSecret("reference-cookie-secret-32-bytes!")},
	})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := verify.New(verify.Config{
		Tokens: s.ring, Identities: store, Sessions: sessions, MaxAge: time.Second, Clock: s.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.service, err = identity.NewService(identity.Config{
		Store: store, Attempts: store,
		Providers: []identity.NamedProvider{
			{ID: "emailpass", Provider: emailpass.New(hasher, slog.New(slog.DiscardHandler))},
			{ID: "google", Provider: s.google},
			{ID: "github", Provider: &redirect{name: "Github Authentication"}},
		},
		Actors: map[string][]string{
			"customer": {"emailpass", "google", "github"}, "user": {"emailpass"}, "robot": {"emailpass"},
		},
		Resets: s.resets, Tokens: s.ring,
		NewID: func() string { return ulid.Make().String() }, Clock: s.clock.Now, Revoked: verifier.Forget,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &set.config
	if c.Service == nil {
		c.Service = s.service
	}
	if c.Tokens == nil {
		c.Tokens = s.ring
	}
	if c.Sessions == nil {
		c.Sessions = sessions
	}
	if c.Verifier == nil {
		c.Verifier = verifier
	}
	c.Clock = s.clock.Now
	if set.links && c.Recent == nil {
		c.Recent = store
	}
}

// request is one as the recorded exchanges describe it.
type request struct {
	method, path, body string
	header             map[string]string
}

// post is a request with a JSON body and the given headers, in pairs.
func post(path, body string, header ...string) request {
	return request{"POST", path, body, headers(append([]string{"Content-Type", "application/json"}, header...)...)}
}

func headers(pairs ...string) map[string]string {
	h := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = pairs[i+1]
	}
	return h
}

type response struct {
	status int
	header http.Header
	body   string
}

// send is for goroutines; tests call do.
func (s *shop) send(q request) (response, error) {
	r, err := http.NewRequestWithContext(s.t.Context(), q.method, s.URL+q.path, strings.NewReader(q.body))
	if err != nil {
		return response{}, err
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	res, err := s.Client().Transport.RoundTrip(r) // no redirects, no cookies of its own
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return response{res.StatusCode, res.Header, string(body)}, err
}

func (s *shop) do(q request) response {
	s.t.Helper()
	res, err := s.send(q)
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

// mustDo returns the answer, which must have that status.
func (s *shop) mustDo(status int, q request) response {
	s.t.Helper()
	res := s.do(q)
	if res.status != status {
		s.t.Fatalf("%s %s: got %d %s, want %d", q.method, q.path, res.status, res.body, status)
	}
	return res
}

func with(h map[string]string, pairs ...string) map[string]string {
	all := maps.Clone(h)
	maps.Copy(all, headers(pairs...))
	return all
}
