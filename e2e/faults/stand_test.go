//go:build unix

package faults

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/e2e"
	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

const (
	// timeout is how long the store may take for one operation.
	timeout = 500 * time.Millisecond
	// patient is for a sidecar that nothing is wrong with, on a busy machine.
	patient = 30 * time.Second
	// hangs is what nothing takes that ends by itself: a request is a handful of
	// operations, and may wait for its turn to hash a password.
	hangs = 20 * timeout

	idpSecret = "the-secret-of-the-shop-at-the-provider"
	idpPage   = "https://shop.example/callback"
	origin    = "https://shop.example.com"
)

const global = `servers {
	trusted_proxies static 127.0.0.1
}
auth_sidecar {
	redis {env.REDIS_URL} {
		timeout {TIMEOUT}
		{REDIS}
	}
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
		client_secret {env.OIDC_CLIENT_SECRET}
		callback_url ` + idpPage + `
	}
	actor customer emailpass people
	actor user emailpass
	notify stream
	rate_limit account 1000000 1h
	revocation {REVOCATION}
}`

const site = `auth_sidecar {
	dialect v2 v1
	cors ` + origin + `
}
auth_require /mine* *
auth_require /optional* * {
	optional
}
auth_require /anybody* * {
	allow_unregistered
}
auth_require /store/customers customer {
	allow_unregistered
}
auth_require /admin/invites/accept user {
	allow_unregistered
}
reverse_proxy {env.BACKEND}`

// stand is a Redis, a sidecar that reaches it by way of a relay, and one that
// nothing happens to, with which a test prepares and looks what is stored.
type stand struct {
	redis    *identitytest.Redis
	relay    *identitytest.Relay
	topology topology // if there are several servers
	backend  string
	people   *demoidp.Provider
	node     *e2e.Caddy
	maker    *e2e.Caddy
	direct   redis.UniversalClient
	cold     person // somebody of whom the node knows nothing or what it was told
}

// around makes what is around the sidecars of a stand.
func around(t testing.TB) *stand {
	t.Helper()
	return &stand{
		backend: newBackend(t),
		people: identitytest.NewOIDC(t, demoidp.Options{
			Clients: []demoidp.Client{{ID: "shop", Secret: identity.NewSecret(idpSecret), RedirectURIs: []string{idpPage}}},
		}),
	}
}

// config is the configuration of a sidecar that finds Redis at that URL.
func (s *stand) config(url, revocation string, timeout time.Duration) e2e.CaddyConfig {
	return e2e.CaddyConfig{
		Global: strings.NewReplacer("{REVOCATION}", revocation, "{TIMEOUT}", timeout.String(), "{REDIS}", s.topology.options(timeout)).Replace(global),
		Site:   site,
		Env: []string{
			"REDIS_URL=" + url,
			"JWT_SECRET=" + strings.Repeat("j", 32),
			"COOKIE_SECRET=" + strings.Repeat("c", 32),
			"ISSUER=" + s.people.Issuer(),
			"OIDC_CLIENT_SECRET=" + idpSecret,
			"BACKEND=" + s.backend,
		},
	}
}

// newStand starts all of it; it ends with the test. The server has these options
// and writes to its disk at once. The node believes what the store said for long,
// so that what was seen before a fault is known while it lasts.
func newStand(t testing.TB, args ...string) *stand {
	t.Helper()
	s := around(t)
	s.redis = identitytest.StartRedis(t, append([]string{
		"--appendonly", "yes", "--appendfsync", "always",
		"--enable-debug-command", "yes", "--enable-protected-configs", "yes", "--busy-reply-threshold", "50",
	}, args...)...)
	s.relay = identitytest.StartRelay(t, s.redis.Addr())
	s.meets(nil)
	s.node = e2e.StartCaddy(t, s.config(s.relay.URL(), "cached 1h", timeout))
	s.maker = e2e.StartCaddy(t, s.config(s.redis.URL(), "strict", patient))
	s.asksBy(t, redis.NewClient(&redis.Options{Addr: s.redis.Addr(), ReadTimeout: time.Minute}))
	s.cold = s.joined(t)
	return s
}

// asksBy is how a test itself asks what is stored.
func (s *stand) asksBy(t testing.TB, direct redis.UniversalClient) {
	s.direct = direct
	t.Cleanup(func() { _ = direct.Close() })
}

// meets decides about the commands of the node's requests; nil lets them pass. It
// is left to the maker to deliver what is in the queue: a request that the node took
// and nothing more was heard of would wait for a minute.
func (s *stand) meets(fate func(command []string) identitytest.Fate) {
	s.relay.Set(func(command []string) identitytest.Fate {
		switch {
		case ofQueue(command):
			return identitytest.Fate{Reply: "*0"}
		case fate == nil:
			return identitytest.Fate{}
		}
		return fate(command)
	})
}

// ofQueue reports whether a command is none of a request, but asks whether there
// is something to deliver, or says that it was. They name a consumer group.
func ofQueue(command []string) bool {
	return slices.ContainsFunc(command, func(word string) bool { return strings.HasPrefix(word, "stream.") })
}
