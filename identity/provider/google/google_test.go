package google_test

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
	"github.com/caddy-commerce/auth-sidecar/identity/provider/google"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	callbackURL = "https://shop.example/auth/callback"
	clientID    = "1.apps.googleusercontent.com"
	person      = "ann@example.com"
	googles     = "https://accounts.google.com"
)

func config() google.Config {
	return google.Config{
		ClientID: clientID, ClientSecret: identity.NewSecret("s3cret"), CallbackURL: callbackURL,
		Timeout: time.Minute, Logger: slog.New(slog.DiscardHandler),
	}
}

func newProvider(t testing.TB, c google.Config) *google.Provider {
	t.Helper()
	p, err := google.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func newAttempt() identity.Attempt {
	return identitytest.NewAttempt(callbackURL)
}

// world is a shop and a stand-in for Google, under Google's own name.
type world struct {
	idp   *demoidp.Provider
	shop  *google.Provider
	clock *identitytest.Clock
}

func newWorld(t testing.TB, changes ...func(*google.Config)) *world {
	t.Helper()
	w := &world{clock: identitytest.NewClock()}
	w.idp = identitytest.NewOIDC(t, demoidp.Options{
		Clients: []demoidp.Client{{ID: clientID, Secret: identity.NewSecret("s3cret"), RedirectURIs: []string{callbackURL}}},
		People:  []demoidp.Person{{Name: "Ann Example", Email: person}}, Clock: w.clock.Now,
	})
	c := config()
	c.Clock = w.clock.Now
	base := w.idp.Issuer()
	c.Endpoints = google.Endpoints{Auth: base + string(demoidp.Authorize), Token: base + string(demoidp.Token), Keys: base + string(demoidp.Keys)}
	for _, change := range changes {
		change(&c)
	}
	w.shop = newProvider(t, c)
	w.misbehave(nil, demoidp.Properly)
	return w
}

// misbehave changes what Google would say.
func (w *world) misbehave(change func(map[string]any), signing demoidp.Signing) {
	w.idp.Misbehave(demoidp.Faults{Signing: signing, Claims: func(claims map[string]any) {
		if claims["iss"] = googles; change != nil {
			change(claims)
		}
	}})
}

func (w *world) logIn(t testing.TB) (identity.Profile, error) {
	t.Helper()
	a := newAttempt()
	location, err := w.shop.Location(t.Context(), "the state", a)
	if err != nil {
		t.Fatal(err)
	}
	back := identitytest.Redirected(t, location+"&login_hint="+person)
	return w.shop.Profile(t.Context(), back.Query().Get("code"), a)
}

func TestLocation(t *testing.T) {
	t.Parallel()
	location, err := newProvider(t, config()).Location(t.Context(), "abc", newAttempt())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, "https://accounts.google.com/o/oauth2/v2/auth?") {
		t.Fatalf("%s: %v", location, err)
	}
	for name, want := range map[string]string{
		"redirect_uri": callbackURL, "client_id": clientID, "response_type": "code", "scope": "email profile openid", "state": "abc",
		"code_challenge_method": "S256", "nonce": newAttempt().Nonce,
	} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if strings.Contains(location, "s3cret") || len(u.Query().Get("code_challenge")) != 43 {
		t.Error(location)
	}
}

func TestLogIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, issuer := range []string{googles, "accounts.google.com"} {
		w.misbehave(func(claims map[string]any) { claims["iss"] = issuer }, demoidp.Properly)
		profile, err := w.logIn(t)
		const metadata = `{"name":"Ann Example","email":"ann@example.com","given_name":"Ann","family_name":"Example"}`
		if err != nil || profile.Subject != demoidp.Subject(w.idp.Issuer(), person) || profile.VerifiedEmail != person ||
			string(profile.UserMetadata) != metadata || profile.Fresh {
			t.Errorf("%s: %+v, %v", issuer, profile, err)
		}
	}
	if w.idp.Requests(demoidp.Discovery) != 0 || w.idp.Requests(demoidp.UserInfo) != 0 || w.idp.Requests(demoidp.Keys) != 1 {
		t.Error("more was asked than token and keys")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*google.Config){
		"client_id":         func(c *google.Config) { c.ClientID = "" },
		"client_secret":     func(c *google.Config) { c.ClientSecret = identity.Secret{} },
		"callback_url":      func(c *google.Config) { c.CallbackURL = "/callback" },
		"callback_urls":     func(c *google.Config) { c.CallbackURLs = []string{"*"} },
		"email_domains":     func(c *google.Config) { c.EmailDomains = []string{"@shop.example"} },
		"timeout":           func(c *google.Config) { c.Timeout = -1 },
		"logger":            func(c *google.Config) { c.Logger = nil },
		"issuer endpoint":   func(c *google.Config) { c.Endpoints.Issuer = "accounts.google.com" },
		"auth endpoint":     func(c *google.Config) { c.Endpoints.Auth = "https://u@x/" },
		"token endpoint":    func(c *google.Config) { c.Endpoints.Token = "file:///x" },
		"the keys endpoint": func(c *google.Config) { c.Endpoints.Keys = "https://x/#y" },
	} {
		c := config()
		change(&c)
		if _, err := google.New(c); err == nil || !strings.HasPrefix(err.Error(), "provider google: ") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := newProvider(t, config())
	if p.DisplayName() != "Google Authentication" || p.Flow() != identity.FlowRedirect {
		t.Errorf("%q, %q", p.DisplayName(), p.Flow())
	}
}
