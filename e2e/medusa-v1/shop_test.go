//go:build unix && medusa

package medusav1

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/e2e"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// shop is a Medusa with the sidecar before it, as an operator sets it up.
type shop struct {
	backend *medusa
	caddy   *e2e.Caddy
	mails   chan mail
}

// mail is what the sidecar tells the shop's mailer.
type mail struct {
	Address   string `json:"entity_id"`
	ActorType string `json:"actor_type"`
	Token     string
}

// caddyGlobal and caddySite are the operator's Caddyfile. BACKEND is where the
// sidecar and the proxy find Medusa.
const (
	caddyGlobal = `auth_sidecar {
	redis {env.REDIS_URL} {
		timeout 30s # the machine may be busy
	}
	jwt {
		secret {env.JWT_SECRET}
	}
	session {
		secret {env.COOKIE_SECRET}
	}
	notify webhook {env.MAILER} {
		secret {env.MAILER_SECRET}
	}
}`
	caddySite = `auth_sidecar {
	dialect v1 v2
	backend medusa_v1 http://{$BACKEND} {
		secret {env.MEDUSA_JWT_SECRET}
	}
	cors ` + shopOrigin + ` ` + adminOrigin + ` {$PAGE}
}
reverse_proxy {$BACKEND}`
)

// newShop puts a sidecar before Medusa, which it finds at that address.
func newShop(t *testing.T, backend *medusa, addr string, env ...string) *shop {
	t.Helper()
	s := &shop{backend: backend, mails: make(chan mail, 100)}
	mailer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var event struct{ Data mail }
		if err != nil || json.Unmarshal(body, &event) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.mails <- event.Data
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(mailer.Close)
	redis := identitytest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	s.caddy = e2e.StartCaddy(t, e2e.CaddyConfig{
		Global: caddyGlobal,
		Site:   caddySite,
		Env: append([]string{
			"REDIS_URL=" + redis.URL(), "BACKEND=" + addr, "MEDUSA_JWT_SECRET=" + e2e.MedusaSecret,
			"JWT_SECRET=" + strings.Repeat("j", 32), "COOKIE_SECRET=" + strings.Repeat("c", 32),
			"MAILER=" + mailer.URL, "MAILER_SECRET=whsec_ZTJlLXdlYmhvb2stc2VjcmV0LW9mLTMyLWJ5dGVzIQ==", "PAGE=http://page.example.com",
		}, env...),
	})
	return s
}

// reset returns the token of the next mail, which must be for that address.
func (s *shop) reset(t *testing.T, actorType, address string) string {
	t.Helper()
	select {
	case m := <-s.mails:
		if m.Address != address || m.ActorType != actorType || m.Token == "" {
			t.Fatalf("a mail for %s %s, want one for %s", m.ActorType, m.Address, address)
		}
		return m.Token
	case <-time.After(e2e.FaultTimeout):
		t.Fatalf("no mail for %s", address)
		return ""
	}
}

// caller sends requests to the sidecar.
func (s *shop) caller() caller { return newCaller(s.caddy.URL()) }

// scripts is a folder with the scripts of this package and of those beside it.
// Those below client find Medusa's own client among the server's packages.
func scripts(t *testing.T) string {
	t.Helper()
	project := e2e.NodeProject(t, "../client", map[string]string{
		"../script": "script", "../browser": "browser", "client": "client", "browser": "pages",
	})
	modules := e2e.NodeModules(t, "server", "--legacy-peer-deps")
	if err := os.Symlink(modules, filepath.Join(project, "client", "node_modules")); err != nil {
		t.Fatal(err)
	}
	return project
}
