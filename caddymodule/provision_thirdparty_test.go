package caddymodule_test

import (
	"path/filepath"
	"strings"
	"testing"
)

const goodThirdParty = "client_id shop\nclient_secret {env.TEST_CLIENT_SECRET}\ncallback_url https://shop.example/callback\n"

// A provider that could not work is refused, by a text that names the provider,
// the option, and what to write. What needs nothing from outside the Caddyfile is
// found there, with its line.
func TestProvisionThirdPartyErrors(t *testing.T) {
	t.Setenv("TEST_CLIENT_SECRET", clientSecret)
	t.Setenv("TEST_EMPTY", "")
	t.Setenv("TEST_TWO_LINES", clientSecret+"\n")
	missingFile := filepath.Join(t.TempDir(), "missing")
	const (
		google = "google {\n"
		github = "github {\n"
		staff  = "staff oidc {\nissuer https://login.example/realms/staff\n"
		id     = "client_id shop\n"
		secret = "client_secret {env.TEST_CLIENT_SECRET}\n"
		page   = "callback_url https://shop.example/callback\n"
	)
	for name, c := range map[string]struct{ provider, want string }{
		"client id left out":      {google + secret + page, `provider google: client_id is missing: set it to the one that the provider gave the shop`},
		"client id unset":         {github + "client_id {env.TEST_MISSING}\n" + secret + page, "client_id: evaluated placeholder {env.TEST_MISSING} is empty (set the variable or the file"},
		"secret left out":         {staff + id + page, "provider staff: client_secret is missing: set it to the one that the provider gave the shop, by {env.*} or {file.*}"},
		"secret unset":            {google + id + "client_secret {env.TEST_MISSING}\n" + page, "client_secret: evaluated placeholder {env.TEST_MISSING} is empty (set the variable or the file"},
		"secret empty":            {github + id + "client_secret {env.TEST_EMPTY}\n" + page, "client_secret: evaluated placeholder {env.TEST_EMPTY} is empty"},
		"secret file missing":     {staff + id + "client_secret {file." + missingFile + "}\n" + page, "client_secret: evaluated placeholder {file." + missingFile + "} is empty"},
		"secret misspelt":         {staff + id + "client_secret {evn.TEST_CLIENT_SECRET}\n" + page, "client_secret: unrecognized placeholder {evn.TEST_CLIENT_SECRET}"},
		"secret with a line more": {google + id + "client_secret {env.TEST_TWO_LINES}\n" + page, "client_secret holds a character that cannot be part of one: see that the file or variable has no space or newline around it"},
		"callback left out":       {google + id + secret, "callback_url is missing: set it to the page of the shop to which the browser comes back, like https://shop.example/auth/callback"},
		"callback unset":          {github + id + secret + "callback_url {env.TEST_MISSING}", "callback_url: evaluated placeholder {env.TEST_MISSING} is empty"},
		"callback without host":   {staff + id + secret + "callback_url /callback", `callback_url "/callback": it is no address that a browser can be sent to: write it in full`},
		"callback a prefix":       {google + id + secret + "callback_url https://shop.example/*", "must be one address: write what ends with /* in callback_urls"},
		"callback with fragment":  {google + id + secret + "callback_url https://shop.example/#/login", "it has a fragment: leave out # and what follows"},
		"listed: star in a host":  {github + goodThirdParty + "callback_urls https://*.shop.example/", "* can stand only behind the last slash, in callback_urls"},
		"listed: half a segment":  {github + goodThirdParty + "callback_urls https://shop.example/app*", "an address ends with /* behind a plain path"},
		"listed: plain http":      {github + goodThirdParty + "callback_urls http://shop.example/*", "plain http with /* is for loopback hosts: use https, or list every address"},
		"listed: odd port":        {github + goodThirdParty + "callback_urls https://shop.example:443/", "leave it out, as browsers do"},
		"listed: letters":         {github + goodThirdParty + "callback_urls https://müller.example/", "write its host as browsers send it: xn--mller-kva.example"},
		"listed: unset":           {github + goodThirdParty + "callback_urls {env.TEST_MISSING}", "callback_urls: evaluated placeholder {env.TEST_MISSING} is empty"},
		"issuer left out":         {"staff oidc {\n" + goodThirdParty, "provider staff: issuer is missing: set it to the provider's address, like https://login.example/realms/shop"},
		"issuer unset":            {"staff oidc {\nissuer {env.TEST_MISSING}\n" + goodThirdParty, "issuer: evaluated placeholder {env.TEST_MISSING} is empty"},
		"issuer without scheme":   {"staff oidc {\nissuer login.example\n" + goodThirdParty, `issuer "login.example" is no address: use one like https://login.example/realms/shop`},
		"issuer with a query":     {"staff oidc {\nissuer https://login.example?tenant=shop\n" + goodThirdParty, "must have no user, query or fragment"},
		"issuer a document":       {"staff oidc {\nissuer https://login.example/.well-known/openid-configuration\n" + goodThirdParty, "is the address of the discovery document: leave out /.well-known/openid-configuration"},
		"scopes without openid":   {staff + goodThirdParty + "scopes email profile", "scopes: add openid, without which the provider does not say who it is"},
		"scopes with commas":      {staff + goodThirdParty + "scopes openid,email", `scopes: "openid,email" is no scope: write one per word, without quotes or commas`},
		"scopes of GitHub":        {github + goodThirdParty + "scopes read:user,user:email", `provider github: scopes: "read:user,user:email" is no scope`},
		"GitHub's address":        {github + goodThirdParty + "url github.example.com", "url must be an address like https://github.com"},
		"GitHub's API":            {github + goodThirdParty + "api_url https://api.github.example.com?v=3", "provider github: api_url must be an address like https://api.github.com"},
		"endpoints incomplete": {
			google + goodThirdParty + "endpoints {\ntoken_url https://google.example/token\n}",
			"endpoints: set issuer, auth_url, token_url and keys_url, or leave all of them out for Google's own",
		},
		"endpoints without keys": {
			google + goodThirdParty + "endpoints {\nissuer https://google.example\nauth_url https://google.example/a\ntoken_url https://google.example/t\n}",
			"endpoints: set issuer, auth_url, token_url and keys_url",
		},
		"endpoint unset": {
			google + goodThirdParty + "endpoints {\nissuer https://google.example\nauth_url https://google.example/a\ntoken_url https://google.example/t\nkeys_url {env.TEST_MISSING}\n}",
			"keys_url: evaluated placeholder {env.TEST_MISSING} is empty",
		},
		"endpoint without scheme": {
			google + goodThirdParty + "endpoints {\nissuer https://google.example\nauth_url google.example/a\ntoken_url https://google.example/t\nkeys_url https://google.example/k\n}",
			"the auth endpoint must be an address like https://accounts.google.com/o/oauth2/v2/auth",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := validate(t, realm(good+"provider "+c.provider+"\n}", "auth_sidecar"))
			where := ", at Caddyfile:1"
			if strings.Contains(c.want, "placeholder") || strings.Contains(c.want, "newline") {
				where = `realm "default": provider "`
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), where) {
				t.Errorf("got  %v\nwant %s\nwith %s", err, c.want, where)
			}
			if err != nil && strings.Contains(err.Error(), clientSecret) {
				t.Error("the error shows the secret")
			}
		})
	}
}

// What the Caddyfile's parser refuses is refused in JSON, too.
func TestProvisionThirdPartyJSON(t *testing.T) {
	t.Setenv("TEST_CLIENT_SECRET", clientSecret)
	const common = `"client_id":"shop","client_secret":"{env.TEST_CLIENT_SECRET}","callback_url":"https://shop.example/callback"`
	for name, c := range map[string]struct{ module, want string }{
		"bind":          {`"provider":"google","bind":"always"`, `bind "always": use auto or required`},
		"timeout":       {`"provider":"github","timeout":-1`, `timeout must not be negative, got -1ns: use something like 5s`},
		"client_auth":   {`"provider":"oidc","issuer":"https://login.example","client_auth":"query"`, `provider p: client_auth: use auto, basic or post`},
		"empty entry":   {`"provider":"oidc","issuer":"https://login.example","callback_urls":[""]`, `callback_urls "": it is no address that a browser can be sent to`},
		"empty scope":   {`"provider":"oidc","issuer":"https://login.example","scopes":["openid",""]`, `scopes: "" is no scope`},
		"unknown field": {`"provider":"oidc","isuer":"https://login.example"`, `unknown field "isuer"`},
		"of another":    {`"provider":"github","issuer":"https://login.example"`, `unknown field "issuer"`},
		"no endpoints":  {`"provider":"google","endpoints":{"issuer":"https://google.example"}`, `endpoints: set issuer, auth_url, token_url and keys_url`},
	} {
		t.Run(name, func(t *testing.T) {
			err := validateJSON(t, `{"redis":{"embedded":true},"providers":[{"id":"p","module":{`+c.module+`,`+common+`}}]}`, `{"handler":"auth_sidecar"}`)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// Nothing is asked of a provider while a configuration is checked: none of these
// hosts exists.
func TestValidateThirdParties(t *testing.T) {
	t.Setenv("TEST_CLIENT_SECRET", clientSecret)
	log, err := validate(t, realm(good+"provider google {\n"+goodThirdParty+"}\nprovider github {\n"+goodThirdParty+
		"}\nprovider staff oidc {\nissuer https://login.invalid/realms/staff\n"+goodThirdParty+"}\nactor user staff\nactor customer google github", "auth_sidecar"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log, "warn") || strings.Contains(log, clientSecret) {
		t.Errorf("the log is %s", log)
	}
	log, err = validate(t, realm(good+"provider staff oidc {\nissuer http://login.invalid\nclient_id shop\nclient_secret "+clientSecret+
		"\ncallback_url http://shop.example/callback\n}", "auth_sidecar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"the issuer is plain http", "a callback URL is plain http", `"option":"client_secret"`} {
		if !strings.Contains(log, want) {
			t.Errorf("no warning %q in %s", want, log)
		}
	}
	if strings.Contains(log, clientSecret) {
		t.Error("the log shows the secret")
	}
}
