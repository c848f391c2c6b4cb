//go:build unix

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// A shop whose pages and whose backend are different sites, over https: the
// cookie goes to the backend from any page, and only those listed may use it.
const crossSiteCaddyfile = `{
	admin off
	persist_config off
	grace_period 5s
	auto_https disable_redirects
	skip_install_trust
	default_bind 127.0.0.1
	auth_sidecar {
		redis {env.REDIS_URL}
		jwt {
			secret {env.JWT_SECRET}
		}
		session {
			secret {env.COOKIE_SECRET}
			same_site none
			secure always
		}
		revocation strict
	}
}
(certificate) {
	tls internal {
		on_demand
	}
}
(page) {
	import certificate
	header Content-Type text/html
	respond "<!doctype html><title>A page</title><body>"
}
https://api.backend.test:{$PORT} {
	import certificate
	auth_sidecar {
		cors https://shop.backend.test:{$PORT}
	}
	auth_require /store/customers/me* customer
	auth_require /store/customers customer {
		allow_unregistered
	}
	# As a backend answers that shares resources with the shop's page.
	@preflight {
		method OPTIONS
		header Origin https://shop.backend.test:{$PORT}
	}
	handle @preflight {
		header {
			Access-Control-Allow-Origin https://shop.backend.test:{$PORT}
			Access-Control-Allow-Credentials true
			Access-Control-Allow-Headers "authorization, content-type"
		}
		respond 204
	}
	handle {
		reverse_proxy 127.0.0.1:{$BACKEND} {
			header_down Access-Control-Allow-Origin https://shop.backend.test:{$PORT}
			header_down Access-Control-Allow-Credentials true
		}
	}
}
https://shop.backend.test:{$PORT} {
	import page
}
https://evil.test:{$PORT} {
	import page
}
https://evil.backend.test:{$PORT} {
	import page
}
http://:{$BACKEND} { # whatever host was asked
	auth_sidecar_demo legacy
}
`

// Pages of other sites cannot use a login, whether the browser sends its cookie
// along or not; those of a listed origin can.
func TestIntrudersOfAnotherSite(t *testing.T) {
	t.Parallel()
	redis := identitytest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	port, backend := identitytest.FreePort(t), identitytest.FreePort(t)
	addr := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	StartCaddyfile(t, "Caddyfile", crossSiteCaddyfile, []string{addr(port), addr(backend)},
		append(sidecarEnv(redis), fmt.Sprintf("PORT=%d", port), fmt.Sprintf("BACKEND=%d", backend)))
	origin := func(host string) string { return fmt.Sprintf("https://%s:%d", host, port) }
	RunScript(t, ClientProject(t), "browser/intruders.mjs", []string{
		"API=" + origin("api.backend.test"),
		"HOME_PAGE=" + origin("shop.backend.test"),
		"INTRUDERS=" + origin("evil.test") + " " + origin("evil.backend.test"),
		`REFUSALS={"evil.test":"401 401 403","evil.backend.test":"403 403 403"}`,
	}, Answers{
		"kill redis":    func(string) any { redis.Kill(); return nil },
		"restart redis": func(string) any { redis.Restart(); return nil },
	})
}

// The same for the example as a newcomer runs it: plain http, one origin. A page
// on another port is the same site, so its requests carry the cookie.
func TestIntrudersOfTheExample(t *testing.T) {
	t.Parallel()
	shop := startExample(t, nil)
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>A page</title><body>")
	}))
	t.Cleanup(pages.Close)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(pages.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	RunScript(t, ClientProject(t), "browser/intruders.mjs", []string{
		"API=" + shop.url,
		"HOME_PAGE=" + shop.url + "/",
		"INTRUDERS=http://localhost:" + port + " http://127.0.0.1:" + port,
		// A form gets the cookie, which has no SameSite, in its first two minutes.
		`REFUSALS={"localhost":"403 403 403","127.0.0.1":"401 401 40[13]"}`,
	}, nil)
}
