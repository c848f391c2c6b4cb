package httpapi_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/github"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/google"
)

const (
	goldenSubject = "1"
	goldenNonce   = "the nonce of the attempt"
	goldenClient  = "fake-google-client-id"
)

var goldenKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // no source of random numbers
	}
	return key
})

// goldenParty stands in for the third parties, as one did when the exchange was
// recorded.
func goldenParty(t *testing.T, e *goldenExchange) *httptest.Server {
	said := map[string]any{"sub": goldenSubject, "email_verified": true, "aud": goldenClient, "exp": e.at.Add(time.Hour).Unix()}
	var user map[string]any
	if c := e.minted(); c != nil {
		if err := json.Unmarshal(c.UserMetadata, &user); err != nil {
			t.Fatal(err)
		}
		for name, value := range user {
			said[name] = value
		}
	}
	tokens, status := map[string]any{"access_token": "x", "token_type": "bearer"}, http.StatusOK
	switch _, what, _ := strings.Cut(e.Name, "callback: "); what {
	case "token endpoint answers 400":
		tokens, status = map[string]any{"error": "invalid_grant"}, http.StatusBadRequest
	case "e-mail not verified":
		said["email_verified"] = false
	case "wrong audience":
		said["aud"] = "another client"
	case "expired id_token":
		said["exp"] = e.at.Add(-time.Hour).Unix()
	case "no sub":
		delete(said, "sub")
	case "token answer without access_token":
		tokens = map[string]any{"error": "bad_verification_code"}
	}
	if !strings.HasSuffix(e.Name, "no id_token") {
		tokens["id_token"] = goldenIDToken(t, e, said)
	}
	answer := func(status int, v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(v) // else the client complains
		}
	}
	key := goldenKey().PublicKey
	mux := http.NewServeMux()
	mux.HandleFunc("/token", answer(status, tokens))
	mux.HandleFunc("/login/oauth/access_token", answer(status, tokens))
	mux.HandleFunc("/keys", answer(http.StatusOK, map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
	}}}))
	mux.HandleFunc("/api/v3/user", answer(http.StatusOK, map[string]any{
		"id": 1, "url": user["profile_url"], "avatar_url": user["avatar"], "email": user["email"], "name": user["name"],
		"company": user["company"], "two_factor_authentication": user["two_factor_authentication"],
	}))
	mux.HandleFunc("/api/v3/user/emails", answer(http.StatusOK, []any{}))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func goldenIDToken(t *testing.T, e *goldenExchange, said map[string]any) string {
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(said))
	token.Header["kid"] = "1"
	said["iss"], said["nonce"], said["iat"] = "https://accounts.google.com", goldenNonce, e.at.Unix()
	raw, err := token.SignedString(goldenKey())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var goldenCallback = regexp.MustCompile(`^/auth/(\w+)/(google|github)/callback\?`)

// goldenProviders are google and github as the recorded server had them. What is
// not asked for anything keeps its own addresses.
func goldenProviders(t *testing.T, e *goldenExchange) []identity.NamedProvider {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	const callback = "http://localhost:8000/auth/customer/"
	toGoogle := google.Config{
		ClientID: goldenClient, ClientSecret: identity.NewSecret("secret"), CallbackURL: callback + "google/callback", Logger: logger,
		Clock: func() time.Time { return e.at },
	}
	toGitHub := github.Config{
		ClientID: "fake-github-client-id", ClientSecret: identity.NewSecret("secret"), CallbackURL: callback + "github/callback", Logger: logger,
	}
	if goldenCallback.MatchString(e.Request.Path) {
		party := goldenParty(t, e)
		toGoogle.Endpoints = google.Endpoints{Token: party.URL + "/token", Keys: party.URL + "/keys"}
		toGitHub.URL = party.URL
	}
	g, err := google.New(toGoogle)
	if err != nil {
		t.Fatal(err)
	}
	h, err := github.New(toGitHub)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	t.Cleanup(h.Close)
	return []identity.NamedProvider{
		{ID: "google", Provider: g}, {ID: "github", Provider: h},
	}
}

// prepareAttempt begins what the callback ends, unless its state was unknown.
func (s *goldenStack) prepareAttempt(e *goldenExchange) {
	s.t.Helper()
	m := goldenCallback.FindStringSubmatch(e.Request.Path)
	u, err := url.Parse(e.Request.Path)
	if err != nil || m == nil || strings.Contains(e.Name, "the same state again") {
		return
	}
	state, provider := u.Query().Get("state"), m[2]
	if len(state) != 64 {
		return
	}
	if strings.Contains(e.Name, "a state that google issued") {
		provider = "google"
	}
	err = s.store.KeepAttempt(s.t.Context(), goldenHash(state), identity.Attempt{
		Provider: provider, ActorType: m[1], Host: goldenHash(s.server.Listener.Addr().String()), CallbackURL: "http://localhost:8000/auth/customer/google/callback",
		Verifier: identity.NewSecret(strings.Repeat("v", 43)), Nonce: goldenNonce, ExpiresAt: e.at.Add(identity.AttemptTTL),
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// goldenBackend makes users as the recorded server did.
type goldenBackend struct {
	identity.Backend
	e *goldenExchange
}

func (b goldenBackend) Shadow(context.Context, string, identity.ProviderIdentity) (identity.Account, error) {
	return identity.Account{ID: b.e.bearer().IdentityID}, nil
}

func (b goldenBackend) CreateUser(context.Context, identity.Claims, string) (json.RawMessage, string, error) {
	return json.RawMessage(b.e.Response.Body), "user_1", nil
}

var (
	goldenSecrets = regexp.MustCompile(`\b(state|nonce|code_challenge)=[\w-]+`)
	goldenBrowser = regexp.MustCompile(`^connect\.sid\.browser=[\w-]{43};`)
	goldenDevice  = regexp.MustCompile(`^connect\.sid\.device=[\w-]{98,194}; .*Max-Age=7776000; HttpOnly`)
)

// withoutSecrets returns the answer with names in the place of what is random in
// a location. The cookie by which a browser is known stands behind that of the
// session, whose line is the recorded one.
func (a goldenAnswer) withoutSecrets() goldenAnswer {
	if strings.HasPrefix(a.Body, `{"location":`) {
		a.setBody(&goldenExchange{}, goldenSecrets.ReplaceAllString(a.Body, "$1=<$1>"))
	}
	if line := a.Headers.Get("Set-Cookie"); goldenBrowser.MatchString(line) {
		a.Headers.Set("Set-Cookie", goldenBrowser.ReplaceAllString(line, "connect.sid.browser=<id>;"))
	}
	if lines := a.Headers["Set-Cookie"]; len(lines) == 2 && strings.HasPrefix(lines[0], "connect.sid=") && goldenDevice.MatchString(lines[1]) {
		a.Headers["Set-Cookie"] = lines[:1]
	}
	return a
}
