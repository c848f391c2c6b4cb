package oidc_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oidc"
)

const issuer = "https://login.example/realms/shop"

func TestNew(t *testing.T) {
	t.Parallel()
	p := newProvider(t, config(issuer))
	if p.DisplayName() != "keycloak" || p.Flow() != identity.FlowRedirect || p.BindRequired() {
		t.Errorf("%q, %q, %t", p.DisplayName(), p.Flow(), p.BindRequired())
	}
	c := config(issuer)
	c.DisplayName, c.BindRequired, c.CallbackURLs = "Staff", true, []string{"https://shop.example/done/*"}
	p = newProvider(t, c)
	if p.DisplayName() != "Staff" || !p.BindRequired() {
		t.Errorf("%q, %t", p.DisplayName(), p.BindRequired())
	}
	if got, err := p.CallbackURL("https://shop.example/done/x"); err != nil || got != "https://shop.example/done/x" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := p.CallbackURL(""); err != nil || got != callbackURL {
		t.Errorf("%q, %v", got, err)
	}
	_, err := p.CallbackURL("https://evil.example")
	wantRefusal(t, err, identity.CodeInvalid, "callback_url_refused", "callback_url must be")
}

// Every message names the provider, the option and what to do.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*oidc.Config)
		says   string
	}{
		{"no issuer", func(c *oidc.Config) { c.Issuer = "" }, "issuer is missing"},
		{"issuer without scheme", func(c *oidc.Config) { c.Issuer = "login.example" }, "use one like https://"},
		{"issuer by ftp", func(c *oidc.Config) { c.Issuer = "ftp://login.example" }, "use one like https://"},
		{"issuer, opaque", func(c *oidc.Config) { c.Issuer = "https:login.example" }, "use one like https://"},
		{"issuer with a query", func(c *oidc.Config) { c.Issuer += "?x=y" }, "no user, query or fragment"},
		{"issuer with a fragment", func(c *oidc.Config) { c.Issuer += "#" }, "no user, query or fragment"},
		{"issuer with a user", func(c *oidc.Config) { c.Issuer = "https://u:s3cret@login.example" }, "no user, query or fragment"},
		{"issuer of the document", func(c *oidc.Config) { c.Issuer += "/.well-known/openid-configuration" }, "leave out /.well-known"},
		{"no client id", func(c *oidc.Config) { c.ClientID = "" }, "client_id is missing"},
		{"client id with a space", func(c *oidc.Config) { c.ClientID = " shop" }, "copy it again"},
		{"no secret", func(c *oidc.Config) { c.ClientSecret = identity.Secret{} }, "client_secret is missing"},
		{"secret with a newline", func(c *oidc.Config) { c.ClientSecret = identity.NewSecret("s3cret\n") }, "newline around it"},
		{"no callback URL", func(c *oidc.Config) { c.CallbackURL = "" }, "callback_url is missing"},
		{"callback URL", func(c *oidc.Config) { c.CallbackURL = "/callback" }, "write it in full"},
		{"callback URLs", func(c *oidc.Config) { c.CallbackURLs = []string{"https://*.example/"} }, "only behind the last slash"},
		{"scopes without openid", func(c *oidc.Config) { c.Scopes = []string{"email"} }, "add openid"},
		{"scopes with a comma", func(c *oidc.Config) { c.Scopes = []string{"openid,email"} }, "one per word"},
		{"empty scope", func(c *oidc.Config) { c.Scopes = []string{"openid", ""} }, "one per word"},
		{"client auth", func(c *oidc.Config) { c.ClientAuth = "query" }, "use auto, basic or post"},
		{"timeout", func(c *oidc.Config) { c.Timeout = -time.Second }, "use something like 5s"},
		{"no logger", func(c *oidc.Config) { c.Logger = nil }, "logger"},
	} {
		c := config(issuer)
		test.change(&c)
		p, err := oidc.New(c)
		if p != nil || err == nil || !strings.HasPrefix(err.Error(), "provider keycloak: ") || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want one that says %q", test.name, err, test.says)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the message shows a secret", test.name)
		}
	}
}

func TestNewWarns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*oidc.Config)
		says   string
	}{
		{"nothing", func(*oidc.Config) {}, ""},
		{"plain issuer", func(c *oidc.Config) { c.Issuer = "http://keycloak:8080" }, "plain http"},
		{"plain callback", func(c *oidc.Config) { c.CallbackURL = "http://shop.example/cb" }, "plain http"},
		{"loopback callback", func(c *oidc.Config) { c.CallbackURL = "http://localhost:8000/cb" }, ""},
	} {
		var said bytes.Buffer
		c := config(issuer)
		c.Logger = slog.New(slog.NewTextHandler(&said, nil))
		test.change(&c)
		newProvider(t, c)
		if test.says == "" && said.Len() > 0 || !strings.Contains(said.String(), test.says) || strings.Contains(said.String(), "s3cret") {
			t.Errorf("%s: logged %q, want %q", test.name, said.String(), test.says)
		}
	}
}
