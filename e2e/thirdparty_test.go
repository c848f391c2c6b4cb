//go:build unix

package e2e

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

// The pages of the shop and of its dashboard to which browsers come back; the
// second is on the provider's list alone.
const (
	shopPage = "https://shop.example/auth/callback"
	desk     = "https://admin.example/app/login?auth_provider=people"
)

// thirdPartyGlobal is sidecarGlobal with an OpenID provider, and the script is
// many clients.
const thirdPartyGlobal = `servers {
	trusted_proxies static 127.0.0.1
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
		client_secret {env.OIDC_CLIENT_SECRET}
		callback_url ` + shopPage + `
		callback_urls ` + desk + `
	}
	actor customer emailpass people
	actor user emailpass people
}`

// The official SDK logs people in at an OpenID provider, with tokens and with
// cookies; they link it to an account that they have, and remove it again.
func TestOfficialSDKAtAThirdParty(t *testing.T) {
	t.Parallel()
	const secret = "the-secret-of-the-shop-at-the-provider"
	redis := identitytest.StartRedis(t)
	people := identitytest.NewOIDC(t, demoidp.Options{Clients: []demoidp.Client{
		{ID: "shop", Secret: identity.NewSecret(secret), RedirectURIs: []string{shopPage, desk}},
	}})
	port := strconv.Itoa(identitytest.FreePort(t))
	backend := net.JoinHostPort("127.0.0.1", port)
	caddy := StartCaddy(t, CaddyConfig{
		Global:    thirdPartyGlobal,
		Site:      demoSite,
		More:      "http://" + backend + " {\nbind 127.0.0.1\nauth_sidecar_demo medusa " + backends["medusa"].options + "\n}\n",
		MoreAddrs: []string{backend},
		Env:       append(sidecarEnv(redis), "BACKEND="+port, "ISSUER="+people.Issuer(), "OIDC_CLIENT_SECRET="+secret),
	})
	project := ClientProject(t)
	for _, mode := range []string{"jwt", "session"} {
		t.Run(mode, func(t *testing.T) {
			RunScript(t, project, "sdk/thirdparty.mjs", []string{
				"SHOP_URL=" + caddy.URL(), "MODE=" + mode, "INVITE=" + invite(t, "medusa", backend),
				"PROVIDER=people", "SHOP_PAGE=" + shopPage, "DESK=" + desk,
			}, nil)
		})
	}
	if output := caddy.Output(); strings.Contains(output, secret) {
		t.Error("Caddy's log shows the client secret")
	}
}
