package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func TestNewService(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	for name, test := range map[string]struct {
		change func(*identity.Config)
		want   string
	}{
		"store":              {func(c *identity.Config) { c.Store = nil }, "required part"},
		"resets":             {func(c *identity.Config) { c.Resets = nil }, "required part"},
		"tokens":             {func(c *identity.Config) { c.Tokens = nil }, "required part"},
		"ids":                {func(c *identity.Config) { c.NewID = nil }, "required part"},
		"token life":         {func(c *identity.Config) { c.TokenTTL = -1 }, "negative"},
		"reset life":         {func(c *identity.Config) { c.ResetTTL = -1 }, "negative"},
		"provider twice":     {func(c *identity.Config) { c.Providers = append(c.Providers, c.Providers[1]) }, `"google" is configured twice`},
		"provider without":   {func(c *identity.Config) { c.Providers[0].Provider = nil }, `provider "emailpass"`},
		"provider id empty":  {func(c *identity.Config) { c.Providers[0].ID = "" }, `provider ""`},
		"provider id":        {func(c *identity.Config) { c.Providers[0].ID = "{x}" }, `provider "{x}"`},
		"provider id long":   {func(c *identity.Config) { c.Providers[0].ID = strings.Repeat("a", 65) }, "at most 64"},
		"unknown provider":   {func(c *identity.Config) { c.Actors = map[string][]string{"customer": {"nope"}} }, `provider "nope"`},
		"actor type":         {func(c *identity.Config) { c.Actors = map[string][]string{"a b": {}} }, `actor type "a b"`},
		"actor type empty":   {func(c *identity.Config) { c.Actors = map[string][]string{"": {}} }, `actor type ""`},
		"actor type foreign": {func(c *identity.Config) { c.Actors = map[string][]string{"käufer": {}} }, `actor type "käufer"`},
	} {
		c := r.Config
		c.Providers = append([]identity.NamedProvider(nil), c.Providers...)
		test.change(&c)
		if s, err := identity.NewService(c); s != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: service %v, error %v", name, s != nil, err)
		}
	}
	s, err := identity.NewService(identity.Config{Store: r.store, Resets: &r.queue, Tokens: r.tokens, NewID: r.NewID})
	if err != nil {
		t.Fatal(err)
	}
	if s.TokenTTL != 24*time.Hour || s.ResetTTL != 15*time.Minute || time.Since(s.Clock()).Abs() > time.Hour {
		t.Errorf("defaults: %s, %s, clock at %s", s.TokenTTL, s.ResetTTL, s.Clock())
	}
	s.Revoked("authid_1") // the default does nothing
}

func TestRegister(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	c := r.register(t, "Ann@example.com", "secret")
	want := `{"actor_id":"","actor_type":"customer","auth_identity_id":"authid_00000000000000000000000001","auth_provider":"emailpass",` +
		`"mfa_enabled":false,"mfa_challenge_completed_at":null,"app_metadata":{},"user_metadata":{},"iat":1795280074,"exp":1795366474}`
	if got := encode(t, c); got != want {
		t.Errorf("claims %s\nwant   %s", got, want)
	}
	i := r.identity(t, c.IdentityID)
	if !i.CreatedAt.Equal(start) || !i.UpdatedAt.Equal(start) || !i.ValidFrom.IsZero() || i.HasActor() || len(i.Providers) != 1 {
		t.Errorf("stored %+v", i)
	}
	if own := i.Providers["emailpass"]; own.EntityID != "Ann@example.com" || own.Key != "ann@example.com" || !own.UpdatedAt.Equal(start) {
		t.Errorf("stored %+v", own)
	}
}

// (reference medusa-v2, section 3)
func TestRegisterAnswers(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	r.register(t, "taken@example.com", "secret")
	const unknown = "unauthorized: \nUnable to retrieve the auth provider with id: nope\nPlease make sure that the provider is registered" +
		" in the container and it is configured correctly in your project configuration file."
	for _, test := range []struct {
		actorType, provider string
		in                  identity.Input
		want                string
	}{
		{"customer", "emailpass", credentials("ann@example.com", ""), "unauthorized: Password should be a string"},
		{"customer", "google", identity.Input{}, "unauthorized: Google does not support registration. Use method `authenticate` instead."},
		{"customer", "github", identity.Input{}, "unauthorized: Github does not support registration. Use method `authenticate` instead."},
		{"customer", "nope", identity.Input{}, unknown},
		{"user", "google", identity.Input{}, "not_allowed: The actor type user is not allowed to use the auth provider google"},
		{"user", "nope", identity.Input{}, "not_allowed: The actor type user is not allowed to use the auth provider nope"},
		{"robot", "emailpass", credentials("robot@example.com", "secret"), "ok"},
		{"Customer", "emailpass", credentials("capital@example.com", "secret"), "ok"},
		{"user", "emailpass", credentials("user@example.com", "secret"), "ok"},
		{"customer", "emailpass", credentials("TAKEN@example.com", "secret"), "unknown_error"}, // this provider knows no better
	} {
		c, err := r.Register(t.Context(), test.actorType, test.provider, test.in)
		wantAnswer(t, err, test.want)
		if err == nil && (c.ActorType != test.actorType || c.ActorID != "") {
			t.Errorf("claims %+v", c)
		}
	}
}

// Ids that begin with no letter have no capital.
func TestRegisterAnswerOfOddProviders(t *testing.T) {
	t.Parallel()
	r := newRealm(t, func(c *identity.Config) {
		for _, id := range []string{"2fa", "-x", "_y", "Z"} {
			c.Providers = append(c.Providers, identity.NamedProvider{ID: id, Provider: new(redirecting)})
		}
	})
	for _, id := range []string{"2fa", "-x", "_y", "Z"} {
		_, err := r.Register(t.Context(), "customer", id, identity.Input{})
		wantAnswer(t, err, "unauthorized: "+id+" does not support registration. Use method `authenticate` instead.")
	}
}

// A registration never acts as anybody, though the identity may: who logs in does.
func TestAuthenticate(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	id := r.register(t, "ann@example.com", "secret").IdentityID
	for _, step := range []struct {
		link, actorID string
		want          map[string]string // actor id by actor type
		metadata      string
	}{
		{"", "", map[string]string{"customer": "", "user": ""}, `{}`},
		{"customer", "cus_1", map[string]string{"customer": "cus_1", "user": ""}, `{"customer_id":"cus_1"}`},
		{"user", "user_1", map[string]string{"customer": "cus_1", "user": "user_1", "robot": ""}, `{"user_id":"user_1","customer_id":"cus_1"}`},
	} {
		if step.link != "" {
			if err := r.Link(t.Context(), id, step.link, step.actorID); err != nil {
				t.Fatal(err)
			}
		}
		for actorType, actorID := range step.want {
			l, err := r.Authenticate(t.Context(), actorType, "emailpass", credentials("ann@example.com", "secret"))
			if err != nil || l.Location != "" {
				t.Fatal(l, err)
			}
			c := l.Claims
			if c.ActorID != actorID || c.ActorType != actorType || c.IdentityID != id || encode(t, c.AppMetadata) != step.metadata {
				t.Errorf("as %s after linking %q: %s", actorType, step.link, encode(t, c))
			}
		}
	}
}

func TestAuthenticateAnswers(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	r.register(t, "ann@example.com", "secret")
	for _, test := range []struct{ actorType, provider, password, want string }{
		{"customer", "emailpass", "secret", "ok"},
		{"customer", "emailpass", "wrong", "unauthorized: Invalid email or password"},
		{"user", "google", "secret", "not_allowed: The actor type user is not allowed to use the auth provider google"},
		{"", "emailpass", "secret", "not_allowed: The actor type  is not allowed to use the auth provider emailpass"},
	} {
		_, err := r.Authenticate(t.Context(), test.actorType, test.provider, credentials("ann@example.com", test.password))
		wantAnswer(t, err, test.want)
	}
	l, err := r.Authenticate(t.Context(), "customer", "google", identity.Input{ActorType: "user"})
	if err != nil || !strings.HasPrefix(l.Location, "https://idp.example/?actor=customer&state=") || l.Claims.IdentityID != "" {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestCallback(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	code := func(code string) identity.Input { return identity.Input{Query: map[string]string{"code": code}} }
	for _, test := range []struct {
		actorType, provider string
		in                  identity.Input
		want                string
	}{
		{"customer", "google", code(""), "unauthorized: No code provided"},
		{"customer", "emailpass", code("1"), "unauthorized: Callback authentication not implemented for provider emailpass"},
		{"user", "google", code("1"), "not_allowed: The actor type user is not allowed to use the auth provider google"},
	} {
		_, err := r.Callback(t.Context(), test.actorType, test.provider, test.in)
		wantAnswer(t, err, test.want)
	}
	c, err := r.come(t, "google", "1234")
	if err != nil {
		t.Fatal(err)
	}
	if c.ActorID != "" || c.Provider != "google" || string(c.UserMetadata) != `{"name":"<Ann>","email":"ann@example.com"}` {
		t.Errorf("claims %s", encode(t, c))
	}
	if err := r.Link(t.Context(), c.IdentityID, "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	again, err := r.come(t, "google", "1234")
	if err != nil || again.ActorID != "cus_1" || again.IdentityID != c.IdentityID {
		t.Errorf("%+v, %v", again, err)
	}
	other, err := r.come(t, "github", "1234")
	if err != nil || other.IdentityID == c.IdentityID {
		t.Errorf("the same person by another provider: %+v, %v", other, err)
	}
}

// A provider may replace its credential, unless it changed meanwhile.
func TestAccountsReplace(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	c := r.register(t, "ann@example.com", "secret")
	r.forward(time.Hour)
	in := credentials("ann@example.com", "secret")
	in.Body["rehash"] = true
	if _, err := r.Authenticate(t.Context(), "customer", "emailpass", in); err != nil {
		t.Fatal(err)
	}
	i := r.identity(t, c.IdentityID)
	if own := i.Providers["emailpass"]; !own.UpdatedAt.Equal(start.Add(time.Hour)) || !i.ValidFrom.IsZero() {
		t.Errorf("stored %+v, valid from %s", own, i.ValidFrom)
	}
}
