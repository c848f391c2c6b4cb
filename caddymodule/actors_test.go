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
