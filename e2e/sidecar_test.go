//go:build unix

package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// sidecarGlobal configures the sidecar from the environment that sidecarEnv gives.
const sidecarGlobal = `auth_sidecar {
	redis {env.REDIS_URL}
	jwt {
		secret {env.JWT_SECRET}
	}
	session {
		secret {env.COOKIE_SECRET}
	}
	actor customer emailpass
	actor user emailpass
}`

func sidecarEnv(redis *identitytest.Redis) []string {
	return []string{
		"REDIS_URL=" + redis.URL(),
		"JWT_SECRET=" + strings.Repeat("j", 32),
		"COOKIE_SECRET=" + strings.Repeat("c", 32),
	}
}

// What was registered is there after both processes were killed: Redis has it
// on disk, and Caddy holds nothing that it needs.
func TestRegistrationOutlivesBothProcesses(t *testing.T) {
	t.Parallel()
	redis := identitytest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	caddy := StartCaddy(t, CaddyConfig{Global: sidecarGlobal, Site: "auth_sidecar", Env: sidecarEnv(redis)})

	const credentials = `{"email":"jane@example.com","password":"correct horse"}`
	post := func(path string, want int) map[string]any {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, caddy.URL()+path, strings.NewReader(credentials))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != want {
			t.Fatalf("%s answered %s, want %d", path, res.Status, want)
		}
		body := make(map[string]any)
		if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return body
	}

	if post("/auth/customer/emailpass/register", http.StatusOK)["token"] == nil {
		t.Error("registering gave no token")
	}
	redis.Kill()
	post("/auth/customer/emailpass", http.StatusServiceUnavailable)
	caddy.Kill()
	caddy.Restart()
	post("/auth/customer/emailpass", http.StatusServiceUnavailable)
	redis.Restart()
	if post("/auth/customer/emailpass", http.StatusOK)["token"] == nil {
		t.Error("logging in gave no token")
	}
}
