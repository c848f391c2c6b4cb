//go:build unix

package attacks

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/e2e"
	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

// The secrets of the shop: none of them may stand in a log, a request to the
// backend or an answer.
const (
	jwtSecret      = "jwt-secret-of-the-attacked-shop-0123456789"
	cookieSecret   = "cookie-secret-of-the-attacked-shop-0123456"
	otherJWT       = "jwt-secret-of-the-other-shop-0123456789ab"
	otherCookie    = "cookie-secret-of-the-other-shop-0123456789"
	providerSecret = "secret-of-the-shop-at-the-provider-01234"
	passphrase     = "correct horse battery staple"
	callbackPage   = "https://front.test/callback"
	secretFile     = "content-of-a-file-that-nobody-may-read"
)

// caddyfile is the shop: the sites have the same backend, which reports what it
// got. Caddy drops names with `_` and `.` itself unless it is told otherwise, as
// at the port ODD; behind BEHIND another proxy is trusted.
const caddyfile = `{
	admin 127.0.0.1:{$ADMIN}
	persist_config off
	grace_period 5s
	auto_https disable_redirects
	skip_install_trust
	default_bind 127.0.0.1
	log {
		output file {$HOME}/log
		format json
		level DEBUG
	}
	servers 127.0.0.1:{$ODD} {
		expected_underscore_headers x_auth* x-auth_* x_shop* x-shop_*
		expected_dot_headers x.auth* x-auth.* x.shop*
	}
	servers 127.0.0.1:{$BEHIND} {
		trusted_proxies static 127.0.0.1
		trusted_proxies_strict
	}
	auth_sidecar {
		redis {env.REDIS_URL}
		jwt {
			secret {env.JWT_SECRET}
		}
		session {
			secret {env.COOKIE_SECRET}
		}
		provider emailpass
		provider people oidc {
			issuer {env.ISSUER}
			client_id shop
			client_secret {env.PROVIDER_SECRET}
			callback_url ` + callbackPage + `
			bind required
			timeout 30s
		}
		actor customer emailpass people
		actor user emailpass
		notify stream
		# The corpus asks more than anybody may; the realm below has the limits.
		rate_limit login off
		rate_limit account off
		rate_limit network off
		rate_limit register off
		rate_limit reset off
		rate_limit reset_account off
		rate_limit exists off
	}
	auth_sidecar other {
		redis {env.REDIS_URL}
		jwt {
			secret {env.OTHER_JWT_SECRET}
		}
		session {
			secret {env.OTHER_COOKIE_SECRET}
		}
	}
}
(site) {
	tls internal {
		on_demand
	}
	log {
		output file {$HOME}/access
		format filter {
			request>uri query {
				replace code REDACTED
				replace state REDACTED
				replace token REDACTED
				replace access_token REDACTED
			}
		}
	}
}
(rules) {
	auth_require /admin* user
	auth_require /mine* customer
	auth_require /any* *
	auth_require /optional* * {
		optional
	}
	auth_require /keys* user {
		methods bearer session api_key
	}
	auth_require /store/customers/me* customer
	auth_require /admin/invites/accept user {
		allow_unregistered
	}
	reverse_proxy {$BACKEND}
}
(joining) {
	auth_require /store/customers customer {
		allow_unregistered
	}
}
https://shop.test:{$PORT}, https://shop.test:{$ODD}, https://shop.test:{$BEHIND} {
	import site
	auth_sidecar {
		cors https://front.test
	}
	import joining
	import rules
}
https://both.test:{$PORT}, https://both.test:{$BEHIND} {
	import site
	auth_sidecar {
		dialect v2 v1
		cors https://front.test
	}
	import rules
}
https://old.test:{$PORT} {
	import site
	auth_sidecar {
		dialect v1
	}
	import rules
}
https://strict.test:{$PORT} {
	import site
	auth_sidecar {
		invalid_credentials reject
	}
	auth_require / user
	import rules
}
https://own.test:{$PORT}, https://own.test:{$ODD} {
	import site
	auth_sidecar {
		headers X-Shop-
	}
	import rules
}
https://none.test:{$PORT} {
	import site
	auth_sidecar {
		forward none
	}
	import rules
}
https://other.test:{$PORT} {
	import site
	auth_sidecar {
		realm other
	}
	import rules
}
`

// shop is the Caddy under attack, with the people who have accounts there.
type shop struct {
	*backend
	caddy *e2e.Caddy
	redis *identitytest.Redis
	idp   *demoidp.Provider
	ports map[string]string // by their names in the Caddyfile
	home  string

	people map[string]person
	names  map[string]string // of credentials: what <<names>> in the corpus stand for
	number int               // of requests that the runner made itself
}

// openShop starts it all; it ends with the test.
func openShop(t testing.TB) *shop {
	t.Helper()
	s := &shop{backend: startBackend(t), redis: identitytest.StartRedis(t), ports: make(map[string]string), home: t.TempDir()}
	s.idp = identitytest.NewOIDC(t, demoidp.Options{Clients: []demoidp.Client{
		{ID: "shop", Secret: identity.NewSecret(providerSecret), RedirectURIs: []string{callbackPage}},
	}})
	env := []string{
		"REDIS_URL=" + s.redis.URL(), "JWT_SECRET=" + jwtSecret, "COOKIE_SECRET=" + cookieSecret, "OTHER_JWT_SECRET=" + otherJWT,
		"OTHER_COOKIE_SECRET=" + otherCookie, "PROVIDER_SECRET=" + providerSecret, "ISSUER=" + s.idp.Issuer(), "BACKEND=" + s.backend.addr(),
	}
	var addrs []string
	for _, name := range []string{"PORT", "ODD", "BEHIND", "ADMIN"} {
		s.ports[name] = fmt.Sprint(identitytest.FreePort(t))
		env = append(env, name+"="+s.ports[name])
		addrs = append(addrs, s.at(name))
	}
	if err := os.WriteFile(filepath.Join(s.home, "secret"), []byte(secretFile), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(caddyfile, "{$HOME}", s.home)
	s.caddy = e2e.StartCaddyfile(t, "Caddyfile", text, addrs, env)
	t.Cleanup(hangUp)
	// Caddy's TLS app starts behind its HTTP app; a handshake in between is a data race
	// of Caddy's own.
	identitytest.Await(t, "Caddy has started", func() bool {
		log, _ := os.ReadFile(filepath.Join(s.home, "log"))
		return strings.Contains(string(log), "serving initial configuration")
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		conn, err := tls.Dial("tcp", s.at("PORT"), clientTLS("h2"))
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("there is no certificate: %v", err)
		}
	}
	s.populate(t)
	return s
}

func (s *shop) at(port string) string { return net.JoinHostPort("127.0.0.1", s.ports[port]) }

// addrOf is where a site of the corpus answers: `odd:shop.test` at the port ODD.
func (s *shop) addrOf(site string) string {
	switch port, _, _ := strings.Cut(site, ":"); port {
	case "odd":
		return s.at("ODD")
	case "behind":
		return s.at("BEHIND")
	}
	return s.at("PORT")
}

// log returns what Caddy has logged, access logs included.
func (s *shop) log(t testing.TB) string {
	t.Helper()
	text := s.caddy.Output()
	for _, name := range []string{"log", "access"} {
		data, err := os.ReadFile(filepath.Join(s.home, name))
		if err != nil {
			t.Fatal(err)
		}
		text += string(data)
	}
	return text
}

// eventually waits until it is so. Only a defect keeps it waiting for long.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came about that %s", what)
		}
	}
}
