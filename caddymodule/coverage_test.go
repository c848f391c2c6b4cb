package caddymodule_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// loadSites loads a Caddyfile with a realm and these sites, in which PORT is a
// free one, and unloads it again.
func loadSites(t *testing.T, sites string) error {
	t.Helper()
	oneCaddy.Lock()
	defer oneCaddy.Unlock()
	sites = strings.ReplaceAll(sites, "PORT", fmt.Sprint(identitytest.FreePort(t)))
	adapted, err := adapt("{\nadmin off\npersist_config off\nauto_https off\ndefault_bind 127.0.0.1\nauth_sidecar {\nredis embedded\n}\n}\n" + sites)
	if err != nil {
		t.Fatal(err)
	}
	err = caddy.Load(adapted, true)
	if stopErr := caddy.Stop(); stopErr != nil {
		t.Errorf("stopping caddy: %v", stopErr)
	}
	return err
}

// A rule without a sidecar before it is an error, before anybody is served.
func TestCoverage(t *testing.T) {
	const missing = "has auth_require, and no auth_sidecar before it"
	for name, c := range map[string]struct{ sites, want string }{
		"nowhere":            {"http://:PORT {\nauth_require user\n}", "the server srv0 at 127.0.0.1:"},
		"another site":       {"http://a.test:PORT {\nauth_sidecar\nauth_require user\n}\nhttp://b.test:PORT {\nauth_require /admin* user\n}", "the site b.test " + missing},
		"the site before":    {"http://a.test:PORT {\nauth_require user\n}\nhttp://b.test:PORT {\nauth_sidecar\n}", "the site a.test " + missing},
		"another server":     {"http://:PORT {\nauth_sidecar\n}\nhttp://127.0.0.1:0 {\nauth_require user\n}", missing},
		"behind the rule":    {"http://:PORT {\nroute {\nauth_require user\nauth_sidecar\n}\n}", missing},
		"another handle":     {"http://:PORT {\nhandle /a/* {\nauth_sidecar\n}\nhandle {\nauth_require user\n}\n}", missing},
		"inside, too late":   {"http://:PORT {\nhandle /a/* {\nauth_require user\n}\nhandle {\nauth_sidecar\n}\n}", missing},
		"in a named route":   {"&(rules) {\nauth_require user\n}\nhttp://:PORT {\ninvoke rules\n}", missing},
		"same block":         {"http://:PORT {\nauth_require user\nauth_sidecar\n}", ""},
		"with a matcher":     {"http://:PORT {\nauth_sidecar /store*\nauth_require /admin* user\n}", ""},
		"around":             {"http://:PORT {\nauth_sidecar\nhandle /a/* {\nauth_require user\n}\n}", ""},
		"in a block before":  {"http://:PORT {\nroute {\nroute {\nauth_sidecar\n}\nhandle {\nauth_require user\n}\n}\n}", ""},
		"each handle":        {"http://:PORT {\nhandle /a/* {\nauth_sidecar\nauth_require user\n}\nhandle {\nauth_sidecar\nauth_require customer\n}\n}", ""},
		"before the invoked": {"&(rules) {\nauth_require user\n}\nhttp://:PORT {\nauth_sidecar\ninvoke rules\n}", ""},
		"by the invoked":     {"&(login) {\nauth_sidecar\n}\nhttp://:PORT {\nroute {\ninvoke login\nauth_require user\n}\n}", ""},
		"route in a circle":  {"&(rules) {\nauth_require user\ninvoke rules\n}\nhttp://:PORT {\nauth_sidecar\ninvoke rules\n}", ""},
		"no rule":            {"http://a.test:PORT {\nauth_sidecar\n}\nhttp://b.test:PORT {\nrespond ok\n}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := loadSites(t, c.sites)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), missing)):
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// A reload with such a site changes nothing.
func TestCoverageAtReload(t *testing.T) {
	s := open(t, config{})
	ada := s.join(t, "customer", "ada@example.com")
	for name, site := range map[string]string{
		"none at all":        "auth_require * {\noptional\n}\nreverse_proxy {backend}",
		"behind, in a route": "route {\nauth_require user\nauth_sidecar\nreverse_proxy {backend}\n}",
	} {
		if err := s.load(config{Site: site}); err == nil || !strings.Contains(err.Error(), "no auth_sidecar before it") {
			t.Errorf("%s: got %v", name, err)
		}
		wantIdentity(t, s.send(t, "GET", "/store/x", "", bearer(ada)...).seen(t), ada.identity())
	}
}

// Where no realm is configured there can be no sidecar.
func TestRequireWithoutRealm(t *testing.T) {
	_, err := validate(t, "{\nadmin off\n}\nhttp://:8080 {\nauth_require user\n}\n")
	if err == nil || !strings.Contains(err.Error(), "auth_require needs the directive auth_sidecar") {
		t.Errorf("got %v", err)
	}
}
