package oidc_test

import (
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oidc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	callbackURL = "https://shop.example/auth/callback"
	clientID    = "shop"
	person      = "ann@example.com"
)

// world is a shop and the provider that it sends people to.
type world struct {
	idp   *demoidp.Provider
	shop  *oidc.Provider
	clock *identitytest.Clock
	log   *identitytest.Log
}

const clientSecret = "s3cret%+&=: of the shop"

// newWorld starts both; change may change the shop's configuration.
func newWorld(t testing.TB, change func(*oidc.Config)) *world {
	t.Helper()
	w := &world{clock: identitytest.NewClock(), log: new(identitytest.Log)}
	w.idp = identitytest.NewOIDC(t, demoidp.Options{
		Clients:   []demoidp.Client{{ID: clientID, Secret: identity.NewSecret(clientSecret), RedirectURIs: []string{callbackURL}}},
		People:    []demoidp.Person{{Name: "Ann Lee Example", Email: person}},
		Algorithm: "ES256", Clock: w.clock.Now,
	})
	c := config(w.idp.Issuer())
	c.Clock, c.Logger = w.clock.Now, slog.New(slog.NewTextHandler(w.log, nil))
	if change != nil {
		change(&c)
	}
	w.shop = newProvider(t, c)
	return w
}

func config(issuer string) oidc.Config {
	return oidc.Config{
		ID: "keycloak", Issuer: issuer, ClientID: clientID, ClientSecret: identity.NewSecret(clientSecret), CallbackURL: callbackURL,
		Logger: slog.New(slog.DiscardHandler), Timeout: time.Minute,
	}
}

func newProvider(t testing.TB, c oidc.Config) *oidc.Provider {
	t.Helper()
	p, err := oidc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func newAttempt() identity.Attempt {
	return identitytest.NewAttempt(callbackURL)
}

// visit goes to the provider as the person and returns the code that comes back.
func (w *world) visit(t testing.TB, a identity.Attempt) string {
	t.Helper()
	location, err := w.shop.Location(t.Context(), "the state", a)
	if err != nil {
		t.Fatal(err)
	}
	back := identitytest.Redirected(t, location+"&login_hint="+url.QueryEscape(person))
	if !strings.HasPrefix(back.String(), callbackURL+"?") || back.Query().Get("state") != "the state" {
		t.Fatalf("back at %v", back)
	}
	return back.Query().Get("code")
}

// logIn is the whole way.
func (w *world) logIn(t testing.TB) (identity.Profile, error) {
	t.Helper()
	a := newAttempt()
	return w.shop.Profile(t.Context(), w.visit(t, a), a)
}

// wantRefusal checks an error, and that it says nothing but fixed words.
func wantRefusal(t testing.TB, err error, code identity.Code, reason, message string) {
	t.Helper()
	if identity.CodeOf(err) != code || identity.ReasonOf(err) != reason {
		t.Errorf("got %s, %s (%v), want %s, %s", identity.CodeOf(err), identity.ReasonOf(err), err, code, reason)
	}
	if err == nil {
		return
	}
	if !strings.HasPrefix(err.Error(), message) || len(err.Error()) > 300 || strings.Contains(err.Error(), hostile) {
		t.Errorf("message %q, want %q", err, message)
	}
}

// hostile is what a provider says that must be nowhere.
const hostile = "h0stile\x1b[31m\r\n<script>"
