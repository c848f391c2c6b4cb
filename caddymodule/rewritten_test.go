package caddymodule_test

import (
	"strings"
	"testing"
)

// What is proxied is what was judged, or the configuration is refused (attack B4).
func TestRewrittenBehindTheSidecar(t *testing.T) {
	const (
		target  = "changes the path or the method of a request (rewrite"
		inProxy = "changes the path or the method of a request in reverse_proxy"
		proxy   = "reverse_proxy 127.0.0.1:1"
	)
	for name, c := range map[string]struct{ site, want string }{
		"prefix stripped by handle_path": {"auth_sidecar\nhandle_path /api/* {\n" + proxy + "\n}", target},
		"prefix stripped in a handle":    {"auth_sidecar\nhandle /api/* {\nuri strip_prefix /api\n" + proxy + "\n}", target},
		"suffix stripped":                {"auth_sidecar\nhandle {\nuri strip_suffix /x\n" + proxy + "\n}", target},
		"path replaced":                  {"auth_sidecar\nhandle {\nuri replace /a /b\n" + proxy + "\n}", target},
		"path replaced by pattern":       {"auth_sidecar\nhandle {\nuri path_regexp ^/a /b\n" + proxy + "\n}", target},
		"rewritten":                      {"auth_sidecar\nhandle {\nrewrite /x /auth/customer/emailpass\n" + proxy + "\n}", target},
		"rewritten, proxied elsewhere":   {"auth_sidecar\nroute {\nrewrite /x /y\n}\n" + proxy, target},
		"another method":                 {"auth_sidecar\nhandle {\nmethod GET\n" + proxy + "\n}", target},
		"in the proxy":                   {"auth_sidecar\nreverse_proxy 127.0.0.1:1 {\nrewrite /auth{uri}\n}", inProxy},
		"method in the proxy":            {"auth_sidecar\nreverse_proxy 127.0.0.1:1 {\nmethod GET\n}", inProxy},
		"behind a rule":                  {"auth_sidecar\nauth_require /admin* user\nhandle_path /x/* {\n" + proxy + "\n}", target},
		"in a named route":               {"auth_sidecar\nhandle {\ninvoke changed\n}", target},
		"one of two sidecars":            {"auth_sidecar\nhandle_path /a/* {\nauth_sidecar\n" + proxy + "\n}\nhandle_path /b/* {\n" + proxy + "\n}", target},

		"rewritten before":             {"rewrite /a /b\nauth_sidecar\n" + proxy, ""},
		"sidecar inside":               {"handle_path /api/* {\nauth_sidecar\nauth_require /admin* user\n" + proxy + "\n}", ""},
		"sidecar outside and inside":   {"auth_sidecar\nhandle_path /api/* {\nauth_sidecar\n" + proxy + "\n}", ""},
		"the query alone":              {"auth_sidecar\nhandle {\nrewrite * ?a=b\nuri query x y\n" + proxy + "\n}", ""},
		"files":                        {"auth_sidecar\nhandle_path /static/* {\nroot /nowhere\nfile_server\n}\nhandle {\n" + proxy + "\n}", ""},
		"files, then everything else":  {"auth_sidecar\nhandle_path /static/* {\nfile_server\n}\n" + proxy, ""},
		"answered":                     {"auth_sidecar\nhandle_path /static/* {\nrespond ok\n}\n" + proxy, ""},
		"one block or the other":       {"auth_sidecar\nhandle /a/* {\nrewrite /b\nrespond ok\n}\nhandle {\n" + proxy + "\n}", ""},
		"PHP, which sees the original": {"auth_sidecar\nphp_fastcgi 127.0.0.1:1", ""},
		"another server is asked":      {"auth_sidecar\nroute {\nforward_auth 127.0.0.1:1 {\nuri /verify\n}\n" + proxy + "\n}", ""},
		"no sidecar":                   {"handle_path /api/* {\n" + proxy + "\n}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := loadSites(t, "&(changed) {\nroute {\nrewrite /x /y\n"+proxy+"\n}\n}\nhttp://a.test:PORT {\n"+c.site+"\n}")
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "the site a.test")):
				t.Errorf("got %v", err)
			}
		})
	}
}
