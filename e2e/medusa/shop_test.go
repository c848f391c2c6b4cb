//go:build unix && medusa

package medusa

import (
	"cmp"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// shop is a Medusa with the sidecar before it, as an operator sets it up.
type shop struct {
	backend *medusa
	redis   *identitytest.Redis // the sidecar's
	caddy   *e2e.Caddy
}

// setup is what one operator does in another way than the next.
type setup struct {
	realm   string   // more lines of the global option
	options string   // of `backend medusa`
	timeout string   // of its calls; "" is patience with a busy machine
	rules   string   // between the sidecar and the proxy
	env     []string // more environment variables
	port    int      // of Caddy, if it must be known before

	// The providers beside emailpass.
	customers, users string
}

// ownSecret tells the sidecar Medusa's secret, which is not its own.
const ownSecret = "secret {env.MEDUSA_JWT_SECRET}"

// caddyfile returns the global options and the site of the operator's Caddyfile.
// BACKEND is where the sidecar and the proxy find Medusa.
func (o setup) caddyfile() (global, site string) {
	return `servers {
	trusted_proxies static 127.0.0.1
}
auth_sidecar {
	redis {env.REDIS_URL} {
		timeout 10s
	}
	jwt {
		secret {env.JWT_SECRET}
	}
	session {
		secret {env.COOKIE_SECRET}
	}
	actor customer emailpass ` + o.customers + `
	actor user emailpass ` + o.users + `
	` + o.realm + `
}`, `auth_sidecar {
	backend medusa http://{$BACKEND} {
		` + o.options + `
		timeout ` + cmp.Or(o.timeout, "30s") + `
	}
	cors ` + shopOrigin + `
}
` + o.rules + `
reverse_proxy {$BACKEND}`
}

// newShop puts a sidecar before Medusa, which it finds at that address.
func newShop(t *testing.T, backend *medusa, addr string) *shop {
	t.Helper()
	return openShop(t, backend, addr, setup{options: ownSecret})
}

// openShop is newShop for an operator of another mind.
func openShop(t *testing.T, backend *medusa, addr string, o setup) *shop {
	t.Helper()
	s := &shop{backend: backend, redis: identitytest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")}
	s.open(t, addr, o)
	return s
}

// open starts a sidecar on the shop's own Redis.
func (s *shop) open(t *testing.T, addr string, o setup) {
	t.Helper()
	global, site := o.caddyfile()
	s.caddy = e2e.StartCaddy(t, e2e.CaddyConfig{
		Port:   o.port,
		Global: global,
		Site:   site,
		Env: append([]string{
			"REDIS_URL=" + s.redis.URL(), "BACKEND=" + addr, "MEDUSA_JWT_SECRET=" + e2e.MedusaSecret,
			"JWT_SECRET=" + strings.Repeat("j", 32), "COOKIE_SECRET=" + strings.Repeat("c", 32),
		}, o.env...),
	})
}

// caller sends requests to the sidecar.
func (s *shop) caller() caller { return newCaller(s.caddy.URL(), s.backend.Key) }

// caller sends requests to Medusa, past any sidecar.
func (s *medusa) caller() caller { return newCaller(s.URL(), s.Key) }

// scripts is a NodeProject with the packages of ../client and the scripts of
// this package, and what they use of those beside it.
func scripts(t *testing.T) string {
	t.Helper()
	return e2e.NodeProject(t, "../client", map[string]string{
		"../script": "script", "../sdk": "shop", "../browser": "browser", "sdk": "sdk", "dashboard": "dashboard",
	})
}
