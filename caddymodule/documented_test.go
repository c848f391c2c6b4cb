package caddymodule_test

import (
	"os"
	"strings"
	"testing"
)

// The documentation's examples of providers are valid: each stands between two
// lines of backquotes and begins with "provider".
func TestDocumentedProviders(t *testing.T) {
	for _, name := range []string{"GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "OIDC_CLIENT_SECRET", "APPLE_CLIENT_SECRET"} {
		t.Setenv(name, "given-by-the-provider")
	}
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for example := range strings.SplitSeq(string(text), "```") {
		example, isExample := strings.CutPrefix(strings.TrimPrefix(example, "caddyfile"), "\nprovider ")
		if !isExample {
			continue
		}
		log, err := validate(t, realm(good+"provider "+example, "auth_sidecar"))
		if err != nil || strings.Contains(log, "warn") {
			t.Errorf("provider %s: %v %s", example, err, log)
		}
		found[strings.Fields(example)[0]] = true
	}
	for _, id := range []string{"google", "github", "hub", "keycloak", "entra", "apple"} {
		if !found[id] {
			t.Errorf("no example of %s", id)
		}
	}
}
