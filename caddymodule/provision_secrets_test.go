package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-commerce/auth-sidecar/caddymodule"
)

// Neither a server that is not there nor one that does not answer keeps a
// configuration from being valid, and nobody is connected to.
func TestValidateDoesNotTouchTheNetwork(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connected := make(chan struct{})
	go func() {
		if conn, err := listener.Accept(); err == nil {
			_ = conn.Close()
			close(connected)
		}
	}()
	for _, url := range []string{
		"redis://" + listener.Addr().String(), "redis://192.0.2.1:6379",
		"redis://" + listener.Addr().String() + ",192.0.2.1:6379 {\ncluster\n}",
		"redis://" + listener.Addr().String() + ",192.0.2.1 {\nsentinel shop {\npassword {env.TEST_JWT_SECRET}\n}\n}",
		"rediss://redis.invalid:6379", "unix:///nonexistent/redis.sock",
	} {
		_, err := validate(t, realm("redis "+url+"\n"+goodJWT+goodSession+
			"notify stream\nnotify webhook http://"+listener.Addr().String()+" {\nsecret {env.TEST_JWT_SECRET}\n}", "auth_sidecar\nauth_require user"))
		if err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-connected:
		t.Error("validate connected to Redis or to the webhook")
	default:
	}
	if connected, references := caddymodule.PooledConnections(); connected != 0 || references != 0 {
		t.Errorf("%d connections with %d references are left", connected, references)
	}
}

// Embedded mode alone can do without secrets, and says what it is.
func TestValidateEmbedded(t *testing.T) {
	log, err := validate(t, realm("redis embedded", "auth_sidecar"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log, "redis embedded: identities and sessions live in this process's memory") {
		t.Errorf("no warning in %s", log)
	}
}

// A secret that stands in the configuration is taken, but not in silence.
func TestLiteralSecretsWarn(t *testing.T) {
	const literal = "a-literal-secret-of-32-bytes-or-more"
	const warning = "a secret stands in the configuration itself"
	for name, c := range map[string]struct {
		realm   string
		options []string // that are warned of
	}{
		"none":     {good, nil},
		"jwt":      {goodRedis + "jwt {\nsecret " + literal + "\nprevious_secret {env.TEST_JWT_SECRET}\n}\n" + goodSession, []string{"jwt secret"}},
		"previous": {goodRedis + "jwt {\nsecret {env.TEST_JWT_SECRET}\nprevious_secret " + literal + "\n}\n" + goodSession, []string{"jwt secret"}},
		"session":  {goodRedis + goodJWT + "session {\nsecret " + literal + "\n}\n", []string{"session secret"}},
		"webhook": {
			good + "notify webhook https://mailer.example.com {\nsecret " + literal + "\n}", []string{"webhook secret"},
		},
		"webhook password": {
			good + "notify webhook https://shop:" + literal + "@mailer.example.com {\nsecret {env.TEST_JWT_SECRET}\n}", []string{"webhook URL"},
		},
		"partly": {goodRedis + goodJWT + "session {\nsecret a-{env.TEST_COOKIE_SECRET}\n}\n", []string{"session secret"}},
		"redis password": {
			"redis redis://shop:" + literal + "@127.0.0.1:1\n" + goodJWT + goodSession, []string{"redis URL"},
		},
		"redis cluster": {
			"redis redis://shop:" + literal + "@127.0.0.1:1,127.0.0.1:2 {\ncluster\n}\n" + goodJWT + goodSession, []string{"redis URL"},
		},
		"redis sentinel": {
			"redis redis://127.0.0.1:1 {\nsentinel shop {\npassword " + literal + "\n}\n}\n" + goodJWT + goodSession, []string{"redis sentinel password"},
		},
		"redis password elsewhere": {"redis redis://shop:{env.TEST_COOKIE_SECRET}@127.0.0.1:1\n" + goodJWT + goodSession, nil},
	} {
		t.Run(name, func(t *testing.T) {
			log, err := validate(t, realm(c.realm, "auth_sidecar"))
			if err != nil {
				t.Fatal(err)
			}
			var warned []string
			for line := range strings.Lines(log) {
				var entry struct{ Msg, Option string }
				if json.Unmarshal([]byte(line), &entry) == nil && strings.HasPrefix(entry.Msg, warning) {
					warned = append(warned, entry.Option)
				}
			}
			if fmt.Sprint(warned) != fmt.Sprint(c.options) {
				t.Errorf("warned of %v, want %v", warned, c.options)
			}
			if strings.Contains(log, literal) {
				t.Error("the log holds the secret")
			}
		})
	}
}

// A Medusa v1 that knows the realm's secret would believe what was revoked here.
func TestSharedSecretWarns(t *testing.T) {
	const shared = "another-secret-of-32-bytes-or-more"
	t.Setenv("TEST_SHARED", shared)
	site := func(secret string) string {
		return "auth_sidecar {\ndialect v1\nbackend medusa_v1 http://127.0.0.1:1 {\nsecret " + secret + "\n}\n}"
	}
	for name, c := range map[string]struct {
		jwt, secret string
		warns       bool
	}{
		"its own":    {"secret {env.TEST_JWT_SECRET}", "{env.TEST_SHARED}", false},
		"the same":   {"secret {env.TEST_SHARED}", "{env.TEST_SHARED}", true},
		"a previous": {"secret {env.TEST_JWT_SECRET}\nprevious_secret {env.TEST_SHARED}", "{env.TEST_SHARED}", true},
	} {
		t.Run(name, func(t *testing.T) {
			log, err := validate(t, realm(goodRedis+"jwt {\n"+c.jwt+"\n}\n"+goodSession, site(c.secret)))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(log, "jwt secret is Medusa's own jwt_secret as well") != c.warns || strings.Contains(log, shared) {
				t.Errorf("got %s", log)
			}
		})
	}
}

// What is provisioned shows no secret when it is printed as JSON, which Caddy
// does to trace handlers.
func TestProvisionedModulesShowNoSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	const fromFile = "secret-from-a-file-0123456789abcdefgh"
	if err := os.WriteFile(file, []byte(fromFile), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_REDIS_PASSWORD", "redis-password")
	t.Setenv("TEST_WEBHOOK_URL", "https://user:webhook-password@mailer.example.com/")
	s := open(t, config{
		Redis:   "redis://user:{env.TEST_REDIS_PASSWORD}@127.0.0.1:1",
		Session: "key_prefix s:",
		Realm:   "provider emailpass\nnotify webhook {env.TEST_WEBHOOK_URL} {\nsecret {file." + file + "}\n}\nnotify stream\nnotify log",
		Site:    "auth_sidecar\nauth_require /admin* user\nhandle /x {\nauth_require user\n}\nreverse_proxy {backend}",
	})
	app, err := caddy.ActiveContext().AppIfConfigured("auth_sidecar")
	if err != nil {
		t.Fatal(err)
	}
	modules := append(handlers(t), app)
	if len(modules) != 4 {
		t.Errorf("found %d modules, want the app, auth_sidecar and auth_require twice", len(modules))
	}
	for _, module := range modules {
		text, err := json.Marshal(module)
		if err != nil {
			t.Fatal(err)
		}
		text = fmt.Appendf(text, "%+v %#v", module, module)
		for _, secret := range []string{jwtSecret, cookieSecret, fromFile, "redis-password", "webhook-password"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%T shows %s: %s", module, secret, text)
			}
		}
	}
	for _, secret := range []string{jwtSecret, cookieSecret, fromFile, "redis-password", "webhook-password"} {
		if strings.Contains(s.log(), secret) {
			t.Errorf("the log shows %s", secret)
		}
	}
}

// handlers returns our handlers of the running configuration.
func handlers(t *testing.T) []any {
	t.Helper()
	app, err := caddy.ActiveContext().AppIfConfigured("http")
	if err != nil {
		t.Fatal(err)
	}
	var found []any
	var walk func(caddyhttp.RouteList)
	walk = func(routes caddyhttp.RouteList) {
		for _, route := range routes {
			for _, handler := range route.Handlers {
				switch h := handler.(type) {
				case *caddyhttp.Subroute:
					walk(h.Routes)
				case *caddymodule.Handler, *caddymodule.Require:
					found = append(found, h)
				}
			}
		}
	}
	for _, server := range app.(*caddyhttp.App).Servers {
		walk(server.Routes)
	}
	return found
}
