package github_test

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
	"github.com/caddy-commerce/auth-sidecar/identity/provider/github"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const callbackURL = "https://shop.example/auth/callback"

func config(g *identitytest.GitHub) github.Config {
	return github.Config{
		ClientID: g.ClientID, ClientSecret: identity.NewSecret(g.ClientSecret), CallbackURL: callbackURL,
		Timeout: time.Minute, Logger: slog.New(slog.DiscardHandler), URL: g.URL,
	}
}

func newProvider(t testing.TB, c github.Config) *github.Provider {
	t.Helper()
	p, err := github.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func newAttempt() identity.Attempt {
	return identity.Attempt{CallbackURL: callbackURL, Verifier: identity.NewSecret(strings.Repeat("v", 43)), Nonce: strings.Repeat("n", 43)}
}

// visit goes to GitHub and returns the code that comes back.
func visit(t testing.TB, p *github.Provider) string {
	t.Helper()
	location, err := p.Location(t.Context(), "the state", newAttempt())
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := browser.Get(location)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	back, err := response.Location()
	if err != nil {
		t.Fatal(err)
	}
	return back.Query().Get("code")
}

func TestLocation(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"":                                  "https://github.com/login/oauth/authorize?",
		"https://github.com":                "https://github.com/login/oauth/authorize?",
		"https://github.example/":           "https://github.example/login/oauth/authorize?",
		"https://intra.example/github":      "https://intra.example/github/login/oauth/authorize?",
		"https://intra.example:8443/github": "https://intra.example:8443/github/login/oauth/authorize?",
	} {
		c := config(&identitytest.GitHub{ClientID: "Iv1", ClientSecret: "s3cret", URL: base})
		location, err := newProvider(t, c).Location(t.Context(), "abc", newAttempt())
		u, _ := url.Parse(location)
		if err != nil || !strings.HasPrefix(location, want) || strings.Contains(location, "s3cret") {
			t.Errorf("%s: %s, %v", base, location, err)
			continue
		}
		for name, want := range map[string]string{
			"redirect_uri": callbackURL, "client_id": "Iv1", "response_type": "code", "scope": "read:user user:email", "state": "abc",
			"code_challenge_method": "S256", "nonce": "",
		} {
			if got := u.Query().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", base, name, got, want)
			}
		}
	}
}

// Classic OAuth apps work as GitHub Apps do. (reference medusa-v2, section 4)
func TestLogIn(t *testing.T) {
	t.Parallel()
	for _, expiring := range []bool{false, true} {
		g := identitytest.NewGitHub(t)
		g.Expiring = expiring
		g.Answer = func(path string, _ http.ResponseWriter, r *http.Request) bool {
			h := r.Header
			if strings.Contains(r.URL.String(), "secret") || len(r.Cookies()) > 0 {
				t.Errorf("%s: a secret in the address, or cookies", path) // attacks.md D15
			}
			if strings.HasPrefix(path, "/user") && (h.Get("Accept") != "application/vnd.github+json" || h.Get("X-GitHub-Api-Version") != "2022-11-28") {
				t.Errorf("%s: headers %v", path, h)
			}
			return false
		}
		p := newProvider(t, config(g))
		profile, err := p.Profile(t.Context(), visit(t, p), newAttempt())
		const metadata = `{"profile_url":"https://api.github.com/users/octo","avatar":"https://avatars.example/u/1",` +
			`"email":"octo@example.com","name":"Octo Cat","company":"GH","two_factor_authentication":true}`
		// The id is one that no float64 holds.
		if err != nil || profile.Subject != "9007199254740993" || profile.VerifiedEmail != "octo@example.com" ||
			!profile.Fresh || string(profile.UserMetadata) != metadata {
			t.Errorf("expiring %t: %+v, %s, %v", expiring, profile, profile.UserMetadata, err)
		}
	}
}

// Which of a person's addresses counts as verified. (attacks.md D9, D13)
func TestVerifiedEmail(t *testing.T) {
	t.Parallel()
	g := identitytest.NewGitHub(t)
	p := newProvider(t, config(g))
	for name, test := range map[string]struct{ emails, want string }{
		"primary":           {`[{"email":"b@x.example","verified":true},{"email":"a@x.example","primary":true,"verified":true}]`, "a@x.example"},
		"unverified":        {`[{"email":"a@x.example","primary":true,"verified":false}]`, ""},
		"second verified":   {`[{"email":"a@x.example","primary":true,"verified":false},{"email":"b@x.example","verified":true}]`, ""},
		"missing":           {`[{"email":"a@x.example","primary":true}]`, ""},
		"null":              {`[{"email":"a@x.example","primary":true,"verified":null}]`, ""},
		"none":              {`[]`, ""},
		"null list":         {`null`, ""},
		"no-reply":          {`[{"email":"1+octo@users.noreply.github.com","primary":true,"verified":true}]`, ""},
		"no-reply in case":  {`[{"email":"octo@Users.NoReply.GitHub.com","primary":true,"verified":true}]`, ""},
		"no-reply of a GHE": {`[{"email":"octo@users.noreply.github.example","primary":true,"verified":true}]`, ""},
		"two @":             {`[{"email":"a@evil@x.example","primary":true,"verified":true}]`, ""},
		"display name":      {`[{"email":"A <a@x.example>","primary":true,"verified":true}]`, ""},
		"null address":      {`[{"email":null,"primary":true,"verified":true}]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g.Emails = test.emails
			profile, err := p.Profile(t.Context(), visit(t, p), newAttempt())
			if err != nil || profile.VerifiedEmail != test.want || profile.Subject == "" {
				t.Errorf("%+v, %v, want %q", profile, err, test.want)
			}
		})
	}
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound} {
		g.Answer = answering("/user/emails", status, `{"message":"Not Found"}`)
		if profile, err := p.Profile(t.Context(), visit(t, p), newAttempt()); err != nil || profile.VerifiedEmail != "" || profile.Subject == "" {
			t.Errorf("not permitted to see them: %+v, %v", profile, err)
		}
	}
}

func answering(path string, status int, body string) func(string, http.ResponseWriter, *http.Request) bool {
	return func(asked string, w http.ResponseWriter, _ *http.Request) bool {
		if asked == path {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
		return asked == path
	}
}

func TestUserMetadata(t *testing.T) {
	t.Parallel()
	g := identitytest.NewGitHub(t)
	p := newProvider(t, config(g))
	for user, want := range map[string]string{
		`{"id":1,"name":null,"email":null,"company":null}`:         `{"email":null,"name":null,"company":null}`,
		`{"id":1,"name":7,"two_factor_authentication":"yes"}`:      `{}`,
		`{"id":1,"name":"` + strings.Repeat("n", 2000) + `"}`:      `{}`,
		`{"id":1,"name":"\u003cb\u003e","url":["x"],"admin":true}`: `{"name":"\u003cb\u003e"}`,
	} {
		g.User = user
		profile, err := p.Profile(t.Context(), visit(t, p), newAttempt())
		if err != nil || profile.Subject != "1" || string(profile.UserMetadata) != want {
			t.Errorf("%.60s: %s, %v, want %s", user, profile.UserMetadata, err, want)
		}
	}
}

// What GitHub refuses, it refuses with 200. (attacks.md D7)
func TestCodeRefused(t *testing.T) {
	t.Parallel()
	g := identitytest.NewGitHub(t)
	p := newProvider(t, config(g))
	wrong := config(g)
	wrong.ClientSecret = identity.NewSecret("another")
	verifier, address := newAttempt(), newAttempt()
	verifier.Verifier = identity.NewSecret(strings.Repeat("w", 43))
	address.CallbackURL += "/other"
	used := visit(t, p)
	if _, err := p.Profile(t.Context(), used, newAttempt()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, code string
		p          *github.Provider
		a          identity.Attempt
		reason     string
	}{
		{"unknown code", "unknown", p, newAttempt(), "code_refused"},
		{"code twice", used, p, newAttempt(), "code_refused"},
		{"another verifier", visit(t, p), p, verifier, "code_refused"},
		{"another address", visit(t, p), p, address, "client_refused"},
		{"another secret", visit(t, p), newProvider(t, wrong), newAttempt(), "client_refused"},
	} {
		_, err := test.p.Profile(t.Context(), test.code, test.a)
		if identity.CodeOf(err) != identity.CodeUnauthorized || identity.ReasonOf(err) != test.reason ||
			err.Error() != "Could not exchange token, 400, Bad Request" {
			t.Errorf("%s: %s, %v", test.name, identity.ReasonOf(err), err)
		}
	}
}

// (attacks.md D14)
func TestUnusableAnswers(t *testing.T) {
	t.Parallel()
	g := identitytest.NewGitHub(t)
	p := newProvider(t, config(g))
	for _, test := range []struct {
		name, path string
		status     int
		body       string
		reason     string
	}{
		{"token 500", "/login/oauth/access_token", 500, "", "provider_failed"},
		{"token redirect", "/login/oauth/access_token", 302, "", "provider_redirects"},
		{"token HTML", "/login/oauth/access_token", 200, "<html>", "provider_answer_unusable"},
		{"token empty", "/login/oauth/access_token", 200, `{"token_type":"bearer"}`, "provider_answer_unusable"},
		{"user 500", "/user", 500, "", "provider_failed"},
		{"user 401", "/user", 401, "", "provider_answer_unusable"},
		{"user redirect", "/user", 301, "", "provider_redirects"},
		{"user without id", "/user", 200, `{}`, "provider_answer_unusable"},
		{"id as a text", "/user", 200, `{"id":"1"}`, "provider_answer_unusable"},
		{"id as a fraction", "/user", 200, `{"id":1.5}`, "provider_answer_unusable"},
		{"id with an exponent", "/user", 200, `{"id":1e3}`, "provider_answer_unusable"},
		{"id 0", "/user", 200, `{"id":0}`, "provider_answer_unusable"},
		{"negative id", "/user", 200, `{"id":-1}`, "provider_answer_unusable"},
		{"endless id", "/user", 200, `{"id":` + strings.Repeat("1", 99) + `}`, "provider_answer_unusable"},
		{"null user", "/user", 200, `null`, "provider_answer_unusable"},
		{"emails 500", "/user/emails", 500, "", "provider_failed"},
		{"emails 401", "/user/emails", 401, "", "provider_answer_unusable"},
		{"emails object", "/user/emails", 200, `{}`, "provider_answer_unusable"},
		{"emails long", "/user/emails", 200, `["` + strings.Repeat("a", 2<<20) + `"]`, "provider_answer_unusable"},
	} {
		g.Answer = nil
		code := visit(t, p)
		g.Answer = answering(test.path, test.status, test.body)
		profile, err := p.Profile(t.Context(), code, newAttempt())
		if identity.CodeOf(err) != identity.CodeUnavailable || identity.ReasonOf(err) != test.reason || profile.Subject != "" {
			t.Errorf("%s: %s, %v, want %s", test.name, identity.ReasonOf(err), err, test.reason)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*github.Config){
		"client_id":     func(c *github.Config) { c.ClientID = "" },
		"client_secret": func(c *github.Config) { c.ClientSecret = identity.Secret{} },
		"callback_url":  func(c *github.Config) { c.CallbackURL = "" },
		"email_domains": func(c *github.Config) { c.EmailDomains = []string{"*.shop.example"} },
		"scopes":        func(c *github.Config) { c.Scopes = []string{"read:user,user:email"} },
		"timeout":       func(c *github.Config) { c.Timeout = -1 },
		"logger":        func(c *github.Config) { c.Logger = nil },
		"url":           func(c *github.Config) { c.URL = "github.example" },
		"api_url":       func(c *github.Config) { c.APIURL = "https://api.github.example/?x" },
	} {
		c := config(&identitytest.GitHub{ClientID: "Iv1", ClientSecret: "s3cret"})
		change(&c)
		if _, err := github.New(c); err == nil || !strings.HasPrefix(err.Error(), "provider github: ") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of a person's addresses only the primary one counts, if it is verified: any
// other can be added for a day. (attacks.md D9, D13)
func TestEmailDomains(t *testing.T) {
	t.Parallel()
	g := identitytest.NewGitHub(t)
	c := config(g)
	c.EmailDomains = []string{"shop.example"}
	p := newProvider(t, c)
	for name, test := range map[string]struct {
		emails string
		in     bool
	}{
		"of the domain":        {`[{"email":"Ann@Shop.Example","primary":true,"verified":true}]`, true},
		"primary among others": {`[{"email":"a@x.example","verified":true},{"email":"ann@shop.example","primary":true,"verified":true}]`, true},
		"another":              {`[{"email":"a@x.example","primary":true,"verified":true}]`, false},
		"not primary":          {`[{"email":"a@x.example","primary":true,"verified":true},{"email":"ann@shop.example","verified":true}]`, false},
		"not verified":         {`[{"email":"ann@shop.example","primary":true,"verified":false}]`, false},
		"two @":                {`[{"email":"a@evil@shop.example","primary":true,"verified":true}]`, false},
		"quoted":               {`[{"email":"\"a@evil.example\"@shop.example","primary":true,"verified":true}]`, false},
		"subdomain":            {`[{"email":"ann@mail.shop.example","primary":true,"verified":true}]`, false},
		"look-alike":           {`[{"email":"ann@ｓhop.example","primary":true,"verified":true}]`, false},
		"none":                 {`[]`, false},
	} {
		g.Emails = test.emails
		profile, err := p.Profile(t.Context(), visit(t, p), newAttempt())
		refused := identity.CodeOf(err) == identity.CodeUnauthorized && identity.ReasonOf(err) == "email_domain" && profile.Subject == ""
		if test.in && (err != nil || profile.Subject == "") || !test.in && !refused {
			t.Errorf("%s: %+v, %v", name, profile, err)
		}
	}
	// An app that may not see the addresses lets nobody in: unknown is not yes.
	g.Answer = func(path string, w http.ResponseWriter, _ *http.Request) bool {
		if path == "/user/emails" {
			w.WriteHeader(http.StatusForbidden)
		}
		return path == "/user/emails"
	}
	if _, err := p.Profile(t.Context(), visit(t, p), newAttempt()); identity.ReasonOf(err) != "email_domain" {
		t.Errorf("without permission: %v", err)
	}
}
