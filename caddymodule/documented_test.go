package caddymodule_test

import (
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// example is a Caddyfile, or a part of one, that the documentation shows.
type example struct{ file, text string }

// examples returns what stands in blocks of that language.
func examples(t *testing.T, language string) (found []example) {
	t.Helper()
	for _, file := range []string{"README.md", "docs/configuration.md", "docs/medusa.md", "docs/security.md"} {
		text, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		var block []string
		inside, indent := false, ""
		for line := range strings.Lines(string(text)) {
			switch opening := strings.TrimLeft(line, " "); {
			case !inside && opening == "```"+language+"\n":
				inside, indent, block = true, strings.TrimSuffix(line, opening), nil
			case inside && opening == "```\n":
				found = append(found, example{file, strings.Join(block, "")})
				inside = false
			case inside:
				block = append(block, strings.TrimPrefix(line, indent))
			}
		}
	}
	return found
}

// complete returns the example as a whole Caddyfile, by its first word.
func (e example) complete() string {
	switch first, _, _ := strings.Cut(strings.TrimSpace(e.text), " "); first {
	case "provider", "actor":
		return realm(good+e.text, "auth_sidecar")
	case "redis":
		return realm(e.text+goodJWT+goodSession, "auth_sidecar")
	case "backend":
		return realm(good, "auth_sidecar {\n"+e.text+"}")
	case "auth_sidecar", "auth_sidecar_demo", "auth_require", "log":
		return realm(good, e.text)
	}
	return e.text
}

// Every Caddyfile in the documentation is formatted and can be adapted.
func TestDocumentedCaddyfiles(t *testing.T) {
	t.Parallel()
	count := make(map[string]int)
	for _, e := range examples(t, "caddyfile") {
		count[e.file]++
		if formatted := string(caddyfile.Format([]byte(e.text))); formatted != e.text {
			t.Errorf("%s: caddy fmt would change\n%s\nto\n%s", e.file, e.text, formatted)
		}
		if _, err := adapt(e.complete()); err != nil {
			t.Errorf("%s: %v\n%s", e.file, err, e.text)
		}
	}
	for file, least := range map[string]int{"README.md": 2, "docs/configuration.md": 8, "docs/medusa.md": 3} {
		if count[file] < least {
			t.Errorf("%d examples found in %s, want at least %d", count[file], file, least)
		}
	}
}

// The examples of providers can be loaded, without a warning.
func TestDocumentedProviders(t *testing.T) {
	for _, name := range []string{"GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "OIDC_CLIENT_SECRET", "APPLE_CLIENT_SECRET"} {
		t.Setenv(name, "given-by-the-provider")
	}
	found := map[string]bool{}
	for _, e := range examples(t, "caddyfile") {
		if !strings.HasPrefix(e.text, "provider ") {
			continue
		}
		log, err := validate(t, realm(good+e.text, "auth_sidecar"))
		if err != nil || strings.Contains(log, `"level":"warn"`) {
			t.Errorf("%s: %v %s", e.text, err, log)
		}
		for line := range strings.Lines(e.text) {
			if body, isProvider := strings.CutPrefix(line, "provider "); isProvider {
				found[strings.Fields(body)[0]] = true
			}
		}
	}
	for _, id := range []string{"google", "google-staff", "github", "hub", "keycloak", "entra", "apple"} {
		if !found[id] {
			t.Errorf("no example of %s", id)
		}
	}
}
