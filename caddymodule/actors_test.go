package caddymodule_test

import (
	"strings"
	"testing"
)

// A misspelt actor type would lock everybody out, and nobody would be told.
func TestUnknownActorTypes(t *testing.T) {
	const listed = good + "actor customer emailpass\nactor vendor emailpass\n"
	for name, c := range map[string]struct {
		realm, site string
		err, warns  string // "": none
	}{
		"known by the list":       {realm: listed, site: "auth_sidecar\nauth_require /v* vendor customer"},
		"any":                     {realm: listed, site: "auth_sidecar\nauth_require *"},
		"not in the list":         {realm: listed, site: "auth_sidecar\nauth_require custmer", err: `auth_require: there is no actor type "custmer", only customer, vendor: correct it, or add the line "actor custmer <provider...>" to the global option auth_sidecar`},
		"medusa's, not in it":     {realm: listed, site: "auth_sidecar\nauth_require /admin* customer user", err: `there is no actor type "user", only customer, vendor`},
		"of a route, not in it":   {realm: listed, site: "auth_sidecar {\nlink vendr POST /join\n}", err: `link /join: there is no actor type "vendr", only customer, vendor`},
		"deleted, not in it":      {realm: listed, site: "auth_sidecar {\nunlink vendr DELETE /x/*\n}", err: `unlink /x/*: there is no actor type "vendr", only customer, vendor`},
		"medusa's":                {realm: good, site: "auth_sidecar\nauth_require /a* user\nauth_require customer"},
		"of a route":              {realm: good, site: "auth_sidecar {\nlink vendor POST /join\n}\nauth_require vendor"},
		"of nothing":              {realm: good, site: "auth_sidecar\nauth_require user vendor", warns: `"actor_type":"vendor"`},
		"of another realm":        {realm: listed + "}\nauth_sidecar shop2 {\n" + good, site: "auth_sidecar {\nrealm shop2\n}\nauth_require vendor"},
		"of no realm":             {realm: listed + "}\nauth_sidecar shop2 {\n" + good, site: "auth_sidecar {\nrealm shop2\n}\nauth_require vendr", warns: `"actor_type":"vendr"`},
		"in no list of any realm": {realm: listed + "}\nauth_sidecar shop2 {\n" + good + "actor user emailpass\n", site: "auth_sidecar\nauth_require vendr", err: "only customer, user, vendor"},
	} {
		t.Run(name, func(t *testing.T) {
			log, err := validate(t, realm(c.realm, c.site))
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got  %v\nwant %s", err, c.err)
			}
			const warning = "an actor type that nothing else names"
			if warned := strings.Contains(log, warning); warned != (c.warns != "") || !strings.Contains(log, c.warns) {
				t.Errorf("the log is %s, want a warning of %q", log, c.warns)
			}
		})
	}
}

// What an actor line may not have meant is a warning, and what is usual none.
func TestActorWarnings(t *testing.T) {
	t.Setenv("TEST_CLIENT_SECRET", clientSecret)
	const (
		unused    = "no actor type may use the provider"
		strangers = "everybody can have an account"
		own       = "not a route of the sidecar"
		google    = "provider google {\n" + goodThirdParty + "}\n"
		staff     = "provider staff google {\n" + goodThirdParty + "email_domains shop.example\n}\n"
		directory = "provider directory oidc {\nissuer https://login.invalid\n" + goodThirdParty + "}\n"
		password  = "provider emailpass\n"
	)
	page := func(address string) string {
		return "provider google {\nclient_id shop\nclient_secret {env.TEST_CLIENT_SECRET}\n" + address + "\n}\n"
	}
	t.Setenv("TEST_PAGE", "https://shop.example/auth/customer/google/callback")
	for name, c := range map[string]struct {
		realm string
		want  []string
	}{
		"all used":            {password + google + "actor customer emailpass google\nactor user emailpass", nil},
		"no actor lines":      {password + google, nil},
		"one unused":          {password + google + "actor customer emailpass\nactor user emailpass", []string{unused, `"provider":"google"`}},
		"google for users":    {google + "actor user google", []string{strangers, `"provider":"google"`}},
		"google for staff":    {staff + "actor user staff", nil},
		"directory for users": {directory + "actor user directory", nil},
		"own route":           {page("callback_url https://shop.example/auth/customer/google/callback"), []string{own}},
		"own route, variable": {page("callback_url {env.TEST_PAGE}"), []string{own}},
		"own route, listed":   {page("callback_url https://shop.example/callback\ncallback_urls https://shop.example/auth/user/google/callback"), []string{own}},
		"a page below /auth":  {page("callback_url https://shop.example/auth/google/callback"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			log, err := validate(t, realm(good+c.realm, "auth_sidecar"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !strings.Contains(log, want) {
					t.Errorf("no %q in %s", want, log)
				}
			}
			if n := strings.Count(log, `"level":"warn"`); n != min(1, len(c.want)) {
				t.Errorf("%d warnings in %s", n, log)
			}
		})
	}
}
