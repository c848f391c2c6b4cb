//go:build unix

package e2e

import (
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// demoSite is the sidecar in front of the backend whose port is in BACKEND.
const demoSite = `auth_sidecar
auth_require /store/customers/me* customer
auth_require /store/customers customer {
	allow_unregistered
}
auth_require /admin* user
auth_require /admin/invites/accept user {
	allow_unregistered
}
reverse_proxy 127.0.0.1:{$BACKEND}
`

// sdkShop is the sidecar in front of a demo backend, with real Redis.
type sdkShop struct {
	caddy   *Caddy
	redis   *identitytest.Redis
	events  *eventReader
	project string
	env     []string
}

// backends says for each kind of demo backend how it is written in a Caddyfile,
// and as whom somebody calls who can reach it past the sidecar.
var backends = map[string]struct {
	options  string
	identify func(t *testing.T, h http.Header)
}{
	"medusa": {"{\njwt_secret {env.JWT_SECRET}\n}", func(t *testing.T, h http.Header) {
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
			"actor_id": "user_first", "actor_type": "user",
		}).SignedString([]byte(strings.Repeat("j", 32)))
		if err != nil {
			t.Fatal(err)
		}
		h.Set("Authorization", "Bearer "+token)
	}},
	"legacy": {"", func(_ *testing.T, h http.Header) {
		h.Set("X-Auth-Actor-Id", "user_first")
		h.Set("X-Auth-Actor-Type", "user")
	}},
}

func startSDKShop(t *testing.T, kind string, redisArgs ...string) *sdkShop {
	t.Helper()
	redis := identitytest.StartRedis(t, redisArgs...)
	hook := startWebhook(t)
	port := strconv.Itoa(identitytest.FreePort(t))
	backend := net.JoinHostPort("127.0.0.1", port)
	caddy := StartCaddy(t, CaddyConfig{
		Global: strings.TrimSuffix(sidecarGlobal, "}") + `notify stream
			notify webhook {env.WEBHOOK_URL} {
				secret {env.WEBHOOK_SECRET}
			}
		}`,
		Site:      demoSite,
		More:      "http://" + backend + " {\nbind 127.0.0.1\nauth_sidecar_demo " + kind + " " + backends[kind].options + "\n}\n",
		MoreAddrs: []string{backend},
		Env:       append(sidecarEnv(redis), "BACKEND="+port, "WEBHOOK_URL="+hook.server.URL, "WEBHOOK_SECRET="+webhookSecret),
	})
	return &sdkShop{
		caddy: caddy, redis: redis, events: &eventReader{hook: hook, client: connect(t, redis)},
		project: ClientProject(t),
		env:     []string{"SHOP_URL=" + caddy.URL(), "INVITE=" + invite(t, kind, backend), "WEBHOOK_SECRET=" + webhookSecret},
	}
}

// invite has the backend make its first invite, as an operator does: past the sidecar.
func invite(t *testing.T, kind, backend string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+backend+"/admin/invites",
		strings.NewReader(`{"email":"first@example.com"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	backends[kind].identify(t, req.Header)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ Invite struct{ Token string } }
	if err := json.Unmarshal(body, &made); err != nil || made.Invite.Token == "" {
		t.Fatalf("the backend makes no invite: %s %s", res.Status, body)
	}
	return made.Invite.Token
}

func (s *sdkShop) run(t *testing.T, script, mode string, more Answers) {
	t.Helper()
	answers := Answers{
		"webhook":          func(email string) any { return s.events.webhook(t, email) },
		"stream":           func(email string) any { return s.events.stream(t, email) },
		"stream length of": func(email string) any { return len(s.events.entries(t, email)) },
	}
	maps.Copy(answers, more)
	RunScript(t, s.project, "sdk/"+script+".mjs", append(s.env, "MODE="+mode), answers)
}

// The official SDK works through the sidecar with tokens and with cookies, in
// front of a backend that verifies the tokens and of one that knows only headers.
func TestOfficialSDK(t *testing.T) {
	t.Parallel()
	for kind := range backends {
		for _, mode := range []string{"jwt", "session"} {
			t.Run(kind+" "+mode, func(t *testing.T) {
				t.Parallel()
				shop := startSDKShop(t, kind)
				for _, script := range []string{"customer", "existing", "admin"} {
					shop.run(t, script, mode, nil)
				}
			})
		}
	}
}

// Redis is killed, or hangs, and comes back: nobody has to log in again.
func TestOfficialSDKWhileRedisIsDown(t *testing.T) {
	t.Parallel()
	for how, fault := range map[string]struct{ away, back func(*identitytest.Redis) }{
		"killed": {func(r *identitytest.Redis) { r.Kill() }, (*identitytest.Redis).Restart},
		"paused": {func(r *identitytest.Redis) { r.Pause() }, func(r *identitytest.Redis) { r.Resume() }},
	} {
		for _, mode := range []string{"jwt", "session"} {
			t.Run(how+" "+mode, func(t *testing.T) {
				t.Parallel()
				shop := startSDKShop(t, "medusa", "--appendonly", "yes", "--appendfsync", "always")
				shop.run(t, "outage", mode, Answers{
					"take redis away": func(string) any { fault.away(shop.redis); return nil },
					"give redis back": func(string) any { fault.back(shop.redis); return nil },
				})
			})
		}
	}
}
