package google_test

import (
	"log/slog"
	"net/http"
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
	return identity.Attempt{CallbackURL: callbackURL, Verifier: identity.NewSecret(strings.Repeat("v", 43)), Nonce: strings.Repeat("n", 43)}
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
	browser := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := browser.Get(location + "&login_hint=" + person)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	back, err := response.Location()
	if err != nil {
		t.Fatal(err)
	}
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

// What Medusa says, it says in the same words. (reference medusa-v2, section 4;
// attacks.md D8, D9)
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := w.clock.Now()
	for name, test := range map[string]struct {
		change          func(map[string]any)
		signing         demoidp.Signing
		reason, message string
	}{
		"expired": {
			change: func(c map[string]any) { c["exp"] = now.Add(-time.Second).Unix() },
			reason: "id_token_expired", message: "Could not verify Google id_token: jwt expired",
		},
		"audience": {
			change: func(c map[string]any) { c["aud"] = "evil" },
			reason: "id_token_audience", message: "Could not verify Google id_token: jwt audience invalid. expected: " + clientID,
		},
		"issuer": {
			change: func(c map[string]any) { c["iss"] = "https://accounts.google.com.evil.example" }, reason: "id_token_issuer",
			message: "Could not verify Google id_token: jwt issuer invalid. expected: https://accounts.google.com,accounts.google.com",
		},
		"azp": {
			change: func(c map[string]any) { c["azp"] = "evil" },
			reason: "id_token_azp", message: "Could not verify Google id_token: jwt azp invalid. expected: " + clientID,
		},
		"nonce": {
			change: func(c map[string]any) { delete(c, "nonce") },
			reason: "id_token_nonce", message: "Could not verify Google id_token: nonce invalid",
		},
		"future": {
			change: func(c map[string]any) { c["iat"] = now.Add(time.Hour).Unix() },
			reason: "id_token_future", message: "Could not verify Google id_token: jwt not active",
		},
		"old": {
			change: func(c map[string]any) { c["iat"] = now.Add(-time.Hour).Unix() },
			reason: "id_token_old", message: "Could not verify Google id_token: maxAge exceeded",
		},
		"no subject": {
			change: func(c map[string]any) { delete(c, "sub") },
			reason: "id_token_subject", message: "id_token is missing 'sub' claim",
		},
		"unverified": {
			change: func(c map[string]any) { c["email_verified"] = false },
			reason: "email_unverified", message: "Email not verified, cannot proceed with authentication",
		},
		"verified is missing": {
			change: func(c map[string]any) { delete(c, "email_verified") },
			reason: "email_unverified", message: "Email not verified, cannot proceed with authentication",
		},
		"verified is null": {
			change: func(c map[string]any) { c["email_verified"] = nil },
			reason: "email_unverified", message: "Email not verified, cannot proceed with authentication",
		},
		"unsigned":    {signing: demoidp.Unsigned, reason: "id_token_algorithm", message: "Could not verify Google id_token: invalid algorithm"},
		"public key":  {signing: demoidp.WithPublicKey, reason: "id_token_algorithm", message: "Could not verify Google id_token: invalid algorithm"},
		"other key":   {signing: demoidp.WithOtherKey, reason: "id_token_signature", message: "Could not verify Google id_token: invalid signature"},
		"unknown key": {signing: demoidp.WithUnknownKey, reason: "id_token_key", message: "Could not verify Google id_token: no key for it is published"},
	} {
		t.Run(name, func(t *testing.T) {
			w.misbehave(test.change, test.signing)
			profile, err := w.logIn(t)
			if identity.CodeOf(err) != identity.CodeUnauthorized || identity.ReasonOf(err) != test.reason || err.Error() != test.message || profile.Subject != "" {
				t.Errorf("got %s, %v, %+v, want %s, %s", identity.ReasonOf(err), err, profile, test.reason, test.message)
			}
		})
	}

	w.idp.Misbehave(demoidp.Faults{Answer: func(e demoidp.Endpoint, r http.ResponseWriter, _ *http.Request) bool {
		if e == demoidp.Token {
			r.Header().Set("Content-Type", "application/json")
			_, _ = r.Write([]byte(`{"access_token":"a"}`))
		}
		return e == demoidp.Token
	}})
	_, err := w.logIn(t)
	if identity.ReasonOf(err) != "id_token_missing" || err.Error() != "Authentication failed" {
		t.Errorf("no ID token: %v", err)
	}
	w.misbehave(nil, demoidp.Properly)
	_, err = w.shop.Profile(t.Context(), "unknown", newAttempt())
	if identity.CodeOf(err) != identity.CodeUnauthorized || err.Error() != "Could not exchange token, 400, Bad Request" {
		t.Errorf("unknown code: %v", err)
	}
}

// A person whose verified address is an odd one logs in; it links to nobody.
func TestOddAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.misbehave(func(c map[string]any) { c["email"] = "a@evil@shop.example" }, demoidp.Properly)
	if profile, err := w.logIn(t); err != nil || profile.VerifiedEmail != "" || profile.Subject == "" {
		t.Errorf("%+v, %v", profile, err)
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

// Only people of the domains log in; that Google manages the account for the
// domain is not what counts. (attacks.md D13)
func TestEmailDomains(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *google.Config) { c.EmailDomains = []string{"shop.example"} })
	for name, test := range map[string]struct {
		email    any
		verified bool
		reason   string
	}{
		"of the domain":  {"Ann@Shop.Example", true, ""},
		"another":        {person, true, "email_domain"},
		"two @":          {"a@evil@shop.example", true, "email_domain"},
		"quoted":         {`"a@evil.example"@shop.example`, true, "email_domain"},
		"subdomain":      {"ann@mail.shop.example", true, "email_domain"},
		"missing":        {nil, true, "email_domain"},
		"list":           {[]string{"ann@shop.example"}, true, "email_domain"},
		"not verified":   {"ann@shop.example", false, "email_unverified"},
		"managed by hd":  {"ann@evil.example", true, "email_domain"},
		"trailing dot":   {"ann@shop.example.", true, "email_domain"},
		"display name":   {"Ann <ann@shop.example>", true, "email_domain"},
		"comment behind": {"ann@shop.example(x)", true, "email_domain"},
	} {
		w.misbehave(func(c map[string]any) {
			c["email"], c["email_verified"], c["hd"] = test.email, test.verified, "shop.example"
		}, demoidp.Properly)
		profile, err := w.logIn(t)
		if test.reason == "" {
			if err != nil || profile.Subject == "" {
				t.Errorf("%s: %+v, %v", name, profile, err)
			}
			continue
		}
		if identity.CodeOf(err) != identity.CodeUnauthorized || identity.ReasonOf(err) != test.reason || profile.Subject != "" {
			t.Errorf("%s: %+v, %v", name, profile, err)
		}
	}
}
