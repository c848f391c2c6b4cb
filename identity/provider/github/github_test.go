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
	return identitytest.NewAttempt(callbackURL)
}

// visit goes to GitHub and returns the code that comes back.
func visit(t testing.TB, p *github.Provider) string {
	t.Helper()
	location, err := p.Location(t.Context(), "the state", newAttempt())
	if err != nil {
		t.Fatal(err)
	}
	return identitytest.Redirected(t, location).Query().Get("code")
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
