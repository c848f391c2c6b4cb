package oauth_test

import (
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

// (attacks.md D13)
func TestPlainAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"ann@shop.example", "Ann+x@Shop.Example", "o'neil!#$%&*/=?^_`{|}~-@ex.example", "käthe@example.com", "a@bücher.example", "a@xn--bcher-kva.example",
	} {
		if !oauth.PlainAddress(address) {
			t.Errorf("%q is refused", address)
		}
	}
	for name, address := range map[string]string{
		"empty":                "",
		"no @":                 "ann",
		"two @":                "a@evil@shop.example",
		"full-width @":         "a\uff20evil@shop.example\uff20x@",
		"quoted":               `"ann"@shop.example`,
		"quoted @":             `"a@evil"@shop.example`,
		"comment":              "ann(x)@shop.example",
		"comment behind":       "ann@shop.example(x)",
		"trailing dot":         "ann@shop.example.",
		"mapped dot":           "ann@shop.example\u3002",
		"display name":         "Ann <ann@shop.example>",
		"angle brackets":       "<ann@shop.example>",
		"list":                 "ann@shop.example,bob@shop.example",
		"group":                "friends: ann@shop.example;",
		"space around":         " ann@shop.example",
		"newline":              "ann@shop.example\n",
		"header":               "ann@shop.example\r\nBcc: a@evil.example",
		"literal":              "ann@[127.0.0.1]",
		"NUL":                  "a\x00nn@shop.example",
		"zero-width":           "a\u200bnn@shop.example",
		"right to left":        "\u202enna@shop.example",
		"not UTF-8":            "a\xffnn@shop.example",
		"no domain":            "ann@",
		"hyphen first":         "ann@-shop.example",
		"invisible in domain":  "ann@shop\u200b.example",
		"longer than possible": strings.Repeat("a", 65) + "@" + strings.Repeat("b.", 127) + "dd",
	} {
		if oauth.PlainAddress(address) {
			t.Errorf("%s: %q is accepted", name, address)
		}
	}
}

func FuzzPlainAddress(f *testing.F) {
	for _, seed := range []string{"ann@shop.example", "a@b@c", `"a@b"@c`, "a@\u3002", "A <a@b>", "a@xn--0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if oauth.PlainAddress(address) && (strings.Count(address, "@") != 1 || strings.ContainsAny(address, " \t\r\n\"()<>,;:\\[]\x00") || strings.HasSuffix(address, ".")) {
			t.Fatalf("%q is accepted", address)
		}
	})
}
