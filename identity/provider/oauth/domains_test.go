package oauth_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

func newClient(domains ...string) (*oauth.Client, error) {
	return oauth.New(oauth.Config{
		ID: "google", ClientID: "shop", ClientSecret: identity.NewSecret("s3cret"), CallbackURL: configured,
		EmailDomains: domains, Logger: slog.New(slog.DiscardHandler),
	})
}

// Addresses that are in none of the domains shop.example and bücher.example, though
// somebody could think so. (attacks.md D13)
var otherDomains = map[string]string{
	"none":                      "",
	"domain alone":              "shop.example",
	"@ and domain":              "@shop.example",
	"another":                   "ann@evil.example",
	"two @":                     "a@evil@shop.example",
	"two @, the first":          "a@shop.example@evil.example",
	"quoted":                    `"ann"@shop.example`,
	"quoted @":                  `"a@evil.example"@shop.example`,
	"quoted domain":             `"a@shop.example"@evil.example`,
	"quoted domain and comment": `"a@shop.example "(@shop.example)@evil.example`,
	"comment":                   "ann(x)@shop.example",
	"comment behind":            "ann@evil.example(@shop.example)",
	"comment before":            "(x)ann@shop.example",
	"trailing dot":              "ann@shop.example.",
	"mapped trailing dot":       "ann@shop.example\u3002",
	"leading dot":               "ann@.shop.example",
	"display name":              "Ann <ann@shop.example>",
	"domain as display name":    `"ann@shop.example" <ann@evil.example>`,
	"angle brackets":            "<ann@shop.example>",
	"list":                      "ann@evil.example,bob@shop.example",
	"list of one domain":        "ann@shop.example,bob@shop.example",
	"group":                     "shop: ann@shop.example;",
	"space behind":              "ann@shop.example ",
	"newline":                   "ann@evil.example\n@shop.example",
	"NUL":                       "ann@shop.example\x00.evil.example",
	"percent hack":              "ann%shop.example@evil.example",
	"bang path":                 "shop.example!ann@evil.example",
	"subdomain":                 "ann@mail.shop.example",
	"suffix":                    "ann@myshop.example",
	"prefix":                    "ann@shop.example.evil.example",
	"parent":                    "ann@example",
	"hyphen":                    "ann@shop-example",
	"underscore":                "ann@shop_.example",
	"literal":                   "ann@[shop.example]",
	"Cyrillic":                  "ann@\u0455hop.example",
	"full width":                "ann@\uff53hop.example",
	"full-width dot":            "ann@shop\uff0eexample",
	"full-width @":              "ann\uff20shop.example",
	"ideographic dot":           "ann@shop\u3002example",
	"long s":                    "ann@\u017fhop.example",
	"ligature":                  "ann@bücher.e\u2179ample",
	"soft hyphen":               "ann@sh\u00adop.example",
	"zero width":                "ann@sh\u200bop.example",
	"without the dots":          "ann@bucher.example",
	"spelt otherwise":           "ann@buecher.example",
	"punycode of another":       "ann@xn--bcher-kv.example",
	"too long":                  strings.Repeat("a", 320) + "@shop.example",
}

func TestEmailDomains(t *testing.T) {
	t.Parallel()
	c, err := newClient("Shop.Example", "bücher.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{
		"ann@shop.example", "Ann@SHOP.Example", "ann+evil.example@shop.example", "a@bücher.example", "a@xn--bcher-kva.example", "a@XN--BCHER-KVA.example",
	} {
		if err := c.AdmitEmail(address); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
	for name, address := range otherDomains {
		err := c.AdmitEmail(address)
		if identity.CodeOf(err) != identity.CodeUnauthorized || identity.ReasonOf(err) != "email_domain" || err.Error() != "Authentication failed" {
			t.Errorf("%s: %q: %v", name, address, err)
		}
	}
	if c, err = newClient(); err != nil {
		t.Fatal(err)
	}
	for name, address := range otherDomains {
		if err := c.AdmitEmail(address); err != nil {
			t.Errorf("%s, without a list: %v", name, err)
		}
	}
}

// The Kelvin sign is lower-cased to an ASCII letter.
func TestEmailDomainKelvin(t *testing.T) {
	t.Parallel()
	c, err := newClient("kiosk.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"a@\u212aiosk.example", "a@k\u0130osk.example", "a@k\u0131osk.example"} {
		if c.AdmitEmail(address) == nil {
			t.Errorf("%q is let in", address)
		}
	}
}

func TestEmailDomainEntries(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{
		"", " ", "@shop.example", "ann@shop.example", "*.shop.example", "*", ".shop.example", "shop.example.", "shop.example,other.example",
		"shop.example other.example", "https://shop.example", "shop.example/", "shop.example:443", "-shop.example", "shop..example", "[::1]", "shop\u200b.example",
	} {
		_, err := newClient("shop.example", entry)
		if err == nil || !strings.Contains(err.Error(), "provider google: email_domains ") || !strings.Contains(err.Error(), "write what stands behind the @") {
			t.Errorf("%q: %v", entry, err)
		}
	}
}

// Whatever a provider says, who is let in has the domain behind the only @.
func FuzzEmailDomain(f *testing.F) {
	for _, address := range otherDomains {
		f.Add(address)
	}
	f.Add("ann@shop.example")
	c, err := newClient("shop.example", "kiosk.example")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if c.AdmitEmail(address) != nil {
			return
		}
		local, domain, _ := strings.Cut(address, "@")
		// Go's lower case of other letters can be ASCII.
		ascii := !strings.ContainsFunc(domain, func(r rune) bool { return r > '~' })
		if domain = strings.ToLower(domain); local == "" || !ascii || domain != "shop.example" && domain != "kiosk.example" {
			t.Fatalf("%q is let in", address)
		}
	})
}
