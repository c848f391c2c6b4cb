package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)\n```")

// olderCommands are those of README's section about the older dialect: they are
// Medusa v1's documentation, to the letter.
func olderCommands(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "### The older dialect\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var commands []string
	for _, m := range shellBlock.FindAllStringSubmatch(section, -1) {
		commands = append(commands, m[1])
	}
	const login = " 'https://medusa-url.com/store/auth%s' \\\n-H 'Content-Type: application/json' \\\n--data-raw '{\n\"email\": \"user@example.com\",\n\"password\": \"supersecret\"\n}'"
	want := []string{
		"curl -X POST" + fmt.Sprintf(login, "/token"),
		"curl -v -X POST" + fmt.Sprintf(login, ""),
		"curl 'https://medusa-url.com/store/customers/me/orders' \\\n-H 'Cookie: connect.sid={sid}'",
	}
	if strings.Join(commands, "\n\n") != strings.Join(want, "\n\n") {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(commands, "\n\n"), strings.Join(want, "\n\n"))
	}
	return commands
}

// The two ways of Medusa v1's documentation, by curl, as README has them. Only where
// the host is found is said beside them.
func TestReadmeOfTheOlderDialect(t *testing.T) {
	commands := olderCommands(t)
	port := identitytest.FreePort(t)
	s := open(t, config{TLS: true, Routes: fmt.Sprintf(`https://medusa-url.com:%d {
		bind 127.0.0.1
		tls internal
		auth_sidecar {
			dialect v1
		}
		auth_require /store/customers/me* customer
		reverse_proxy {backend}
	}`, port), Site: "auth_sidecar {\ndialect v1\n}\nreverse_proxy {backend}"})
	home := t.TempDir()
	settings := fmt.Sprintf("connect-to = \"medusa-url.com:443:127.0.0.1:%d\"\ninsecure\nsilent\nmax-time = 60\n", port)
	if err := os.WriteFile(filepath.Join(home, ".curlrc"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(command string) (stdout, stderr string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Env = append(os.Environ(), "CURL_HOME="+home, "HOME="+home)
		var log strings.Builder
		cmd.Stderr = &log
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, log.String())
		}
		return string(out), log.String()
	}
	if r := s.send(t, "POST", "/store/customers", `{"email":"user@example.com","password":"supersecret"}`); r.StatusCode != 200 {
		t.Fatalf("registering: %d %s", r.StatusCode, r.body)
	}
	eventually(t, "there is a certificate", func() bool {
		cmd := exec.CommandContext(t.Context(), "curl", "-f", "https://medusa-url.com/store/auth/user@example.com")
		cmd.Env = append(os.Environ(), "CURL_HOME="+home, "HOME="+home)
		return cmd.Run() == nil
	})

	out, _ := run(commands[0])
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(out), &body); err != nil || body.Token == "" {
		t.Fatalf("got %s", out)
	}
	const orders = "curl 'https://medusa-url.com/store/customers/me/orders' -H "
	if out, _ := run(orders + "'Authorization: Bearer " + body.Token + "'"); !strings.Contains(out, `"Target":"/store/customers/me/orders"`) {
		t.Errorf("by token: %s", out)
	}

	out, log := run(commands[1])
	m := regexp.MustCompile(`(?i)< set-cookie: connect\.sid=([^;\s]+);`).FindStringSubmatch(log)
	if m == nil || !strings.HasPrefix(out, `{"customer":{"id":"cus_`) {
		t.Fatalf("got %s\n%s", out, log)
	}
	if value, err := url.PathUnescape(m[1]); err != nil || !strings.HasPrefix(value, "s:") {
		t.Errorf("the cookie is %s", m[1])
	}
	if out, _ := run(strings.ReplaceAll(commands[2], "{sid}", m[1])); !strings.Contains(out, `"Target":"/store/customers/me/orders"`) {
		t.Errorf("by session: %s", out)
	}
	if out, _ := run(commands[2]); out != unauthorized {
		t.Errorf("by a session that nobody has: %s", out)
	}
}
