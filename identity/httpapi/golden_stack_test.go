package httpapi_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// goldenStack is a server with the configuration of the recorded one, its
// secrets and its time. What it makes at random (ids of identities and
// sessions) is what was recorded, so that answers can be compared byte by byte,
// signatures included.
type goldenStack struct {
	t         *testing.T
	server    *httptest.Server
	store     *redisstore.Store
	hasher    *password.Hasher
	emailpass *emailpass.Provider
}

// goldenSettings are those of the sessions of the server that was recorded.
func goldenSettings(e *goldenExchange) session.Settings {
	s := session.Settings{TTL: session.DefaultTTL}
	if e.server() == "production" {
		s.Secure = session.SecureAlways
	}
	if strings.HasPrefix(e.Name, "variant: cookieOptions: ") {
		// Settings take SameSite=None together with Secure only.
		s.Domain, s.SameSite, s.Secure, s.TTL = "example.test", session.SameSiteNone, session.SecureAlways, time.Minute
	}
	return s
}

// goldenHTTPS reads X-Forwarded-Proto as the recorded server did behind a proxy
// that it trusts: the first value counts.
func goldenHTTPS(e *goldenExchange) func(*http.Request) bool {
	sameSiteNone := goldenSettings(e).SameSite == session.SameSiteNone
	return func(r *http.Request) bool {
		proto, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
		return proto == "https" || sameSiteNone
	}
}

// goldenActors returns which providers the recorded server had for whom, and
// how long its tokens lived.
func goldenActors(e *goldenExchange) (actors map[string][]string, tokenTTL time.Duration) {
	actors = map[string][]string{"user": {"emailpass"}, "customer": {"emailpass", "google", "github"}}
	switch {
	case e.noActors:
		return nil, 24 * time.Hour
	case e.server() == "variant":
		actors["user"] = append(actors["user"], "google")
		return actors, 4 * time.Second
	}
	return actors, 24 * time.Hour
}

func newGoldenStack(t *testing.T, e *goldenExchange) *goldenStack {
	t.Helper()
	fatal := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	now := func() time.Time { return e.at }
	embedded, err := redisstore.NewEmbedded()
	fatal(err)
	t.Cleanup(func() { _ = embedded.Close() })
	s := &goldenStack{t: t}
	s.store, err = redisstore.New(embedded.Client(), redisstore.Options{Clock: now, Timeout: 30 * time.Second})
	fatal(err)
	secret, err := token.NewSecret(identity.NewSecret("reference-jwt-secret"), true)
	fatal(err)
	ring, err := token.NewRing(token.Config{Keys: []token.Key{secret}, Clock: now})
	fatal(err)
	s.hasher, err = password.New(password.Config{Argon2Memory: 64, Argon2Time: 1}) // cheap
	fatal(err)
	s.emailpass = emailpass.New(s.hasher, slog.New(slog.DiscardHandler))
	sessions, err := session.NewManager(session.Config{
		Settings: goldenSettings(e), Store: s.store, Clock: now, Rand: goldenRandom(t, e),
		Secrets: []identity.Secret{identity.NewSecret("reference-cookie-secret")},
	})
	fatal(err)
	verifier, err := verify.New(verify.Config{Tokens: ring, Identities: s.store, Sessions: sessions, Clock: now})
	fatal(err)
	actors, tokenTTL := goldenActors(e)
	service, err := identity.NewService(identity.Config{
		Store: s.store, Attempts: s.store,
		Providers: append([]identity.NamedProvider{{ID: "emailpass", Provider: s.emailpass}}, goldenProviders(t, e)...),
		Actors:    actors, TokenTTL: tokenTTL, Resets: s.store.Queue(), Tokens: ring,
		NewID: func() string { return goldenID(e) }, Clock: now, Revoked: verifier.Forget,
	})
	fatal(err)
	backend := goldenUser.MatchString(e.Request.Path)
	if backend {
		service = service.WithBackend(identity.BackendConfig{Backend: goldenBackend{e: e}, Logger: slog.New(slog.DiscardHandler)})
	}
	origins, err := httpapi.ParseOrigins([]string{storefront, dashboard, "http://localhost:9000"})
	fatal(err)
	handler, err := httpapi.New(httpapi.Config{
		Service: service, Tokens: ring, Sessions: sessions, Verifier: verifier, Origins: origins, HTTPS: goldenHTTPS(e), Backend: backend,
	})
	fatal(err)
	s.server = httptest.NewServer(handler)
	t.Cleanup(s.server.Close)
	return s
}

// goldenID is the id of an identity that the exchange makes, without its prefix.
func goldenID(e *goldenExchange) string {
	if c := e.minted(); c != nil && e.creates() {
		return strings.TrimPrefix(c.IdentityID, "authid_")
	}
	return "NEW"
}

// goldenRandom gives the new session the recorded id, unless that is the one
// which the request brought.
func goldenRandom(t *testing.T, e *goldenExchange) io.Reader {
	raw := make([]byte, 24)
	if cookie := e.cookie(t); cookie != nil && cookie.Value != "" {
		if sid := goldenSID(cookie.Value); sid != e.requestSID() {
			var err error
			if raw, err = base64.RawURLEncoding.DecodeString(sid); err != nil {
				t.Fatal(err)
			}
		}
	}
	return bytes.NewReader(raw)
}

// send asks as the recording did.
func (s *goldenStack) send(e *goldenExchange) goldenAnswer {
	s.t.Helper()
	q := e.Request
	r, err := http.NewRequestWithContext(s.t.Context(), q.Method, s.server.URL+q.Path, strings.NewReader(q.Body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range q.Headers {
		r.Header.Set(name, value)
	}
	res, err := s.server.Client().Transport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	res.Header.Del("Date")
	if slices.Equal(res.Header["Cache-Control"], []string{"private, no-store"}) {
		res.Header.Del("Cache-Control") // ours alone
	}
	return goldenAnswer{Status: res.StatusCode, Headers: res.Header, Body: string(body)}.withoutSecrets()
}
