package caddymodule_test

import (
	"strings"
	"testing"
)

// In front of Medusa, users log in at no third party where strangers have
// accounts: each of them would become an admin.
func TestProvisionStaff(t *testing.T) {
	t.Setenv("TEST_CLIENT_SECRET", clientSecret)
	const (
		medusa    = "auth_sidecar {\nbackend medusa http://127.0.0.1:1\n}"
		google    = "provider google {\n" + goodThirdParty + "}\n"
		hub       = "provider hub github {\n" + goodThirdParty + "url https://github.example\n}\n"
		directory = "provider directory oidc {\nissuer https://login.invalid\n" + goodThirdParty + "}\n"
		staff     = "provider staff google {\n" + goodThirdParty + "email_domains shop.example\n}\n"
		password  = "provider emailpass\n"
	)
	for name, c := range map[string]struct{ realm, site, refused string }{
		"google":                      {google + "actor user google", medusa, "google"},
		"github among others":         {password + hub + "actor customer hub\nactor user emailpass hub", medusa, "hub"},
		"google beside staff":         {google + staff + "actor user staff google", medusa, "google"},
		"google as emailpass":         {"provider emailpass google {\n" + goodThirdParty + "}\n", medusa, "emailpass"},
		"google, on the second site":  {google + "actor user google", "auth_sidecar\n}\nhttp://:8081 {\n" + medusa, "google"},
		"google for customers":        {password + google + "actor customer google\nactor user emailpass", medusa, ""},
		"google, no actors":           {password + google + hub, medusa, ""},
		"google for staff":            {password + google + staff + "actor customer google\nactor user emailpass staff", medusa, ""},
		"directory":                   {directory + "actor user directory", medusa, ""},
		"emailpass alone":             {"", medusa, ""},
		"google, of another realm":    {"}\nauth_sidecar other {\n" + good + google + "actor user google", medusa, ""},
		"google, not before a Medusa": {google + hub + "actor user google hub", "auth_sidecar", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := validate(t, realm(good+c.realm, c.site))
			if c.refused == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			for _, want := range []string{`actor user may use the provider "` + c.refused + `"`, "give the provider email_domains", "emailpass or at your own directory (oidc)"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got  %v\nwant %s", err, want)
				}
			}
		})
	}
}

// A domain that no address can have would lock everybody out, and none at all let
// everybody in.
func TestProvisionEmailDomains(t *testing.T) {
	t.Setenv("TEST_CLIENT_SECRET", clientSecret)
	const common = `"client_id":"shop","client_secret":"{env.TEST_CLIENT_SECRET}","callback_url":"https://shop.example/callback"`
	for _, module := range []string{`"provider":"google"`, `"provider":"github"`, `"provider":"oidc","issuer":"https://login.example"`} {
		for _, entry := range []string{"", "@shop.example", "*.shop.example", "shop.example.", "{env.TEST_MISSING}"} {
			err := validateJSON(t, `{"redis":{"embedded":true},"providers":[{"id":"p","module":{`+module+`,`+common+`,"email_domains":["shop.example","`+entry+`"]}}]}`,
				`{"handler":"auth_sidecar"}`)
			if err == nil || !strings.Contains(err.Error(), `email_domains "`+entry+`" is no domain: write what stands behind the @`) {
				t.Errorf("%s, %q: %v", module, entry, err)
			}
		}
	}
}
