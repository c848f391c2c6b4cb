//go:build unix

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// The operator ends somebody's credentials, at the admin endpoint or by the
// command, and nobody else's.
func TestOperatorRevokes(t *testing.T) {
	t.Parallel()
	redis := identitytest.StartRedis(t)
	port := identitytest.FreePort(t)
	admin := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	caddy := StartCaddy(t, CaddyConfig{
		Global: sidecarGlobal + "\nadmin " + admin, Site: guarded, MoreAddrs: []string{admin}, Env: sidecarEnv(redis),
	})
	credentials := func(name string) string {
		return fmt.Sprintf(`{"email":"%s@example.com","password":"correct horse"}`, name)
	}
	bob := ask(t, caddy, "POST", "/auth/customer/emailpass/register", credentials("bob")).token(t)
	jane := ask(t, caddy, "POST", "/auth/customer/emailpass/register", credentials("jane")).token(t)
	revoke := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), CaddyBinary(t), append([]string{"auth-sidecar", "revoke", "--address", admin}, args...)...).CombinedOutput()
		return string(out), err
	}
	post := func(body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+admin+"/auth_sidecar/revoke", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(answer)
	}
	var id string
	for name, end := range map[string]func() string{
		"command": func() string {
			out, err := revoke("--provider", "emailpass", "--entity", "JANE@example.com")
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			return strings.TrimSpace(out)
		},
		"endpoint": func() string {
			status, body := post(`{"provider":"emailpass","entity":"jane@example.com"}`)
			if status != http.StatusOK || !strings.HasPrefix(body, `{"revoked":["authid_`) {
				t.Fatalf("got %d %s", status, body)
			}
			return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(body), `{"revoked":["`), `"]}`)
		},
	} {
		session := ask(t, caddy, "POST", "/auth/session", "", "Authorization", jane).cookie(t)
		ask(t, caddy, "GET", "/", "", "Cookie", session).want(t, http.StatusOK)
		id = end()
		if !strings.HasPrefix(id, "authid_") || strings.ContainsAny(id, "\n\" ") {
			t.Errorf("%s revoked %q", name, id)
		}
		for _, header := range [][]string{{"Authorization", jane}, {"Cookie", session}} {
			ask(t, caddy, "GET", "/", "", header...).want(t, http.StatusUnauthorized)
		}
		ask(t, caddy, "GET", "/", "", "Authorization", bob).want(t, http.StatusOK)
		jane = ask(t, caddy, "POST", "/auth/customer/emailpass", credentials("jane")).token(t)
	}
	if status, body := post(`{"identity_id":"` + id + `"}`); status != http.StatusOK || !strings.Contains(body, id) {
		t.Errorf("by id: %d %s", status, body)
	}
	ask(t, caddy, "GET", "/", "", "Authorization", jane).want(t, http.StatusUnauthorized)
	for body, want := range map[string]int{
		`{}`: 400, `x`: 400, `{"identity_id":"a","actor_type":"b","actor_id":"c"}`: 400, `{"actor_type":"customer"}`: 400, `{"identity":"a"}`: 400,
		`{"provider":"emailpass"}`: 400, `{"identity_id":"` + strings.Repeat("a", 20_000) + `"}`: 400,
		`{"identity_id":"authid_nobody"}`: 404, `{"provider":"emailpass","entity":"nobody@example.com"}`: 404, `{"provider":"none","entity":"x"}`: 404,
		`{"actor_type":"customer","actor_id":"cus_1"}`: 404, `{"realm":"other","identity_id":"` + id + `"}`: 404,
	} {
		if status, answer := post(body); status != want {
			t.Errorf("%.60s: got %d %s, want %d", body, status, answer, want)
		}
	}
	for _, args := range [][]string{nil, {"--identity", "authid_nobody"}, {"--actor-type", "customer"}, {"--identity", id, "--provider", "x", "--entity", "y"}} {
		if out, err := revoke(args...); err == nil {
			t.Errorf("%q: %s", args, out)
		}
	}
	ask(t, caddy, "GET", "/", "", "Authorization", bob).want(t, http.StatusOK)
	redis.Stop()
	if status, body := post(`{"identity_id":"` + id + `"}`); status != http.StatusServiceUnavailable || strings.Contains(body, redis.Addr()) {
		t.Errorf("without a store: %d %s", status, body)
	}
}

// Support unlocks an account by the command, and is told when there was nothing.
func TestOperatorUnlocks(t *testing.T) {
	t.Parallel()
	redis := identitytest.StartRedis(t)
	admin := net.JoinHostPort("127.0.0.1", strconv.Itoa(identitytest.FreePort(t)))
	caddy := StartCaddy(t, CaddyConfig{
		Global: strings.TrimSuffix(sidecarGlobal, "}") + "rate_limit network 1 300h\n}\nadmin " + admin, Site: guarded, MoreAddrs: []string{admin}, Env: sidecarEnv(redis),
	})
	logIn := func(password string) sent {
		return ask(t, caddy, "POST", "/auth/customer/emailpass", fmt.Sprintf(`{"email":"jane@example.com","password":%q}`, password))
	}
	unlock := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), CaddyBinary(t), append([]string{"auth-sidecar", "unlock", "--address", admin}, args...)...).CombinedOutput()
		return string(out), err
	}
	ask(t, caddy, "POST", "/auth/customer/emailpass/register", `{"email":"jane@example.com","password":"correct horse"}`).token(t)
	// Until the registration is given back, which nobody waits for, it is in the way.
	for deadline := time.Now().Add(time.Minute); logIn("a wrong guess").status != http.StatusUnauthorized; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no guess is judged")
		}
	}
	logIn("correct horse").want(t, http.StatusTooManyRequests)
	if out, err := unlock("--provider", "emailpas", "--entity", "jane@example.com"); err == nil || !strings.Contains(out, "no provider emailpas; there is: emailpass") {
		t.Errorf("a misspelt provider: %v: %s", err, out)
	}
	if out, err := unlock("--provider", "emailpass", "--entity", "JANE@example.com"); err != nil || !strings.Contains(out, "authid_") || !strings.HasSuffix(out, "limits that were in use: 2\n") {
		t.Errorf("%v: %s", err, out)
	}
	logIn("correct horse").want(t, http.StatusOK)
	for _, args := range [][]string{nil, {"--identity", "authid_nobody"}, {"--actor-type", "customer"}} {
		if out, err := unlock(args...); err == nil {
			t.Errorf("%q: %s", args, out)
		}
	}
}
