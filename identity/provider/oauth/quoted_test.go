package oauth_test

import (
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

func TestQuoted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                         `""`,
		"login.example:8443":       `"login.example:8443"`,
		"a\"b\r\nc\x1b\x00":        `"a\"b\r\nc\x1b\x00"`,
		"käthe\u202e":              `"k\u00e4the\u202e"`,
		"\xff":                     `"\xff"`,
		strings.Repeat("a", 126):   `"` + strings.Repeat("a", 126) + `"`,
		strings.Repeat("a", 1<<20): `"` + strings.Repeat("a", 127) + `…"`,
	} {
		if got := oauth.Quoted(text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
