//go:build unix

package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// exampleShop is Caddyfile.example, running.
type exampleShop struct {
	*Caddy
	url string // of the storefront
}

// startExample runs Caddyfile.example as its first lines tell newcomers to, on
// free ports and on loopback alone. replace are further texts, old and new; the
// old ones must be in the file.
func startExample(t *testing.T, env []string, replace ...[2]string) exampleShop {
	t.Helper()
	const name = "Caddyfile.example"
	data, err := os.ReadFile("../" + name)
	if err != nil {
		t.Fatal(err)
	}
	shop, backend, openID := identitytest.FreePort(t), identitytest.FreePort(t), identitytest.FreePort(t)
	text := string(data)
	for _, pair := range append([][2]string{
		{"localhost:8080", fmt.Sprintf("localhost:%d", shop)},
		{"localhost:8081", fmt.Sprintf("localhost:%d", backend)},
		{"localhost:8082", fmt.Sprintf("localhost:%d", openID)},
		{"\tpersist_config off\n", "\tpersist_config off\n\tdefault_bind 127.0.0.1\n"},
	}, replace...) {
		if !strings.Contains(text, pair[0]) {
			t.Fatalf("%s does not contain %q", name, pair[0])
		}
		text = strings.ReplaceAll(text, pair[0], pair[1])
	}
	if left := regexp.MustCompile(`:80\d\d\b`).FindString(text); left != "" {
		t.Fatalf("%s has another port: %s", name, left)
	}
	addr := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	// The admin endpoint has a fixed port, which the environment changes.
	env = append(env, "CADDY_ADMIN="+addr(identitytest.FreePort(t)))
	caddy := StartCaddyfile(t, name, text, []string{addr(shop), addr(backend), addr(openID)}, env)
	return exampleShop{caddy, fmt.Sprintf("http://localhost:%d", shop)}
}

// resetLink waits for a reset link in the log and returns it.
func (s exampleShop) resetLink(t *testing.T) string {
	t.Helper()
	late := time.After(deliveryLimit)
	for {
		if links := s.resetLinks(); len(links) > 0 {
			return links[0]
		}
		select {
		case <-late:
			t.Fatal("Caddy's log has no reset link")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// resetLinks returns the reset links in the log.
func (s exampleShop) resetLinks() []string {
	return regexp.MustCompile(regexp.QuoteMeta(s.url)+`/#reset_token=[\w.-]+`).FindAllString(s.Output(), -1)
}
