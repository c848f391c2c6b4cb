//go:build unix

package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// A newcomer runs the example and uses the demo shop in a browser.
func TestStorefront(t *testing.T) {
	t.Parallel()
	shop := startExample(t, nil)
	RunScript(t, ClientProject(t), "browser/storefront.mjs", []string{"SHOP_URL=" + shop.url}, Answers{
		"reset link": func(string) any { return shop.resetLink(t) },
	})
	if links := shop.resetLinks(); len(links) != 1 {
		t.Errorf("one person asked for a reset link, and one whom the shop does not know; the log has %d", len(links))
	}
}

// A newcomer signs in at the demo's OpenID provider.
func TestSignIn(t *testing.T) {
	t.Parallel()
	shop := startExample(t, nil)
	RunScript(t, ClientProject(t), "browser/signin.mjs", []string{"SHOP_URL=" + shop.url}, nil)
	log := shop.Output()
	if found := regexp.MustCompile(`[?&](code|state|code_challenge)=[^R&"][^"]*`).FindString(log); found != "" {
		t.Errorf("the log has %s", found)
	}
	if !strings.Contains(log, "code=REDACTED") {
		t.Error("the log has no log-in at all")
	}
}

// Redis is killed and comes back: the page says so, and nobody has to log in again.
func TestStorefrontWhileRedisIsDown(t *testing.T) {
	t.Parallel()
	redis := identitytest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	shop := startExample(t, sidecarEnv(redis), [2]string{"redis embedded", `redis {env.REDIS_URL}
		jwt {
			secret {env.JWT_SECRET}
		}
		session {
			secret {env.COOKIE_SECRET}
		}
		revocation strict`})
	RunScript(t, ClientProject(t), "browser/outage.mjs", []string{"SHOP_URL=" + shop.url}, Answers{
		"kill redis":    func(string) any { redis.Kill(); return nil },
		"restart redis": func(string) any { redis.Restart(); return nil },
	})
}
