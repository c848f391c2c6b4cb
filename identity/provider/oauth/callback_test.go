package oauth_test

import (
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

const configured = "https://shop.example/auth/callback"

// listed are the entries of the tests beside the configured one.
var listed = []string{
	"https://admin.example/app/login?auth_provider=google",
	"https://shop.example/done/*",
	"https://shop.example:8443/*",
	"http://localhost:8000/auth/*",
	"http://127.0.0.1:8000/cb",
	"http://[::1]:8000/cb",
	"http://intranet/cb",
	"https://xn--bcher-kva.example/cb",
	"https://shop.example/a%20b",
}

func callbacks(t testing.TB) *oauth.Callbacks {
	t.Helper()
	c, err := oauth.NewCallbacks(configured, listed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCallbackPermitted(t *testing.T) {
	t.Parallel()
	c := callbacks(t)
	if got, err := c.Choose(""); err != nil || got != configured {
		t.Errorf("by default: %q, %v", got, err)
	}
	for _, asked := range []string{
		configured,
		"https://admin.example/app/login?auth_provider=google",
		"https://shop.example/done/",
		"https://shop.example/done/a",
		"https://shop.example/done/a/b-c_d.e~f/",
		"https://shop.example:8443/",
		"https://shop.example:8443/anything",
		"http://localhost:8000/auth/customer/google/callback",
		"http://127.0.0.1:8000/cb",
		"http://[::1]:8000/cb",
		"http://intranet/cb",
		"https://xn--bcher-kva.example/cb",
		"https://shop.example/a%20b",
	} {
		if got, err := c.Choose(asked); err != nil || got != asked {
			t.Errorf("%s: %q, %v", asked, got, err)
		}
	}
}

// refusedCallbacks are those of the first row of group D, and their kin.
var refusedCallbacks = map[string]string{
	"foreign host":                     "https://evil.example/auth/callback",
	"foreign scheme":                   "http://shop.example/auth/callback",
	"foreign port":                     "https://shop.example:444/auth/callback",
	"default port":                     "https://shop.example:443/auth/callback",
	"empty port":                       "https://shop.example:/auth/callback",
	"scheme-relative":                  "//evil.example",
	"scheme-relative, own host":        "//shop.example/auth/callback",
	"slash backslash":                  `/\evil.example`,
	"backslashes":                      `https:\\evil.example\auth`,
	"backslash for the authority":      `https://evil.example\@shop.example/done/`,
	"backslash behind the host":        `https://shop.example\.evil.example/done/`,
	"backslash in the path":            `https://shop.example/done/..\..\evil`,
	"relative path":                    "/auth/callback",
	"no slashes":                       "https:evil.example",
	"no slashes, own host":             "https:shop.example/auth/callback",
	"one slash":                        "https:/shop.example/auth/callback",
	"three slashes":                    "https:///evil.example/done/",
	"user":                             "https://shop.example@evil.example/done/",
	"user of the own host":             "https://evil@shop.example/done/",
	"user with password":               "https://shop.example:8443@evil.example/",
	"suffix":                           "https://shop.example.evil.example/done/",
	"suffix without a dot":             "https://evilshop.example/done/",
	"prefix of the host":               "https://shop.exampl",
	"no scheme":                        "shop.example.evil",
	"trailing dot":                     "https://shop.example./done/",
	"javascript":                       "javascript:alert(1)",
	"javascript that looks like it":    "javascript://shop.example/done/%0aalert(1)",
	"data":                             "data:text/html,x",
	"blob":                             "blob:https://shop.example/done/",
	"app scheme":                       "shop://done/",
	"leading space":                    " " + configured,
	"trailing space":                   configured + " ",
	"tab in the scheme":                "ht\ttps://shop.example/done/",
	"tab":                              "https://shop.example/done/\tx",
	"newline":                          "https://shop.example/done/\nx",
	"newline at the end":               configured + "\n",
	"return":                           "https://shop.example/done/\r\nLocation: x",
	"NUL":                              "https://shop.example/done/\x00",
	"DEL":                              "https://shop.example/done/\x7f",
	"C1 control":                       "https://shop.example/done/\u0085",
	"not UTF-8":                        "https://shop.example/done/\xff",
	"byte order mark":                  "\ufeff" + configured,
	"zero-width space":                 "https://shop.example/done/\u200b",
	"look-alike in Cyrillic":           "https://sh\u043ep.example/done/",
	"look-alike full width":            "https://\uff53hop.example/done/",
	"look-alike dot":                   "https://shop\u3002example/done/",
	"look-alike slash":                 "https://shop.example\u2044done/",
	"IDN not as browsers send it":      "https://bücher.example/cb",
	"fragment":                         configured + "#x",
	"empty fragment":                   configured + "#",
	"fragment below the prefix":        "https://shop.example/done/#@evil",
	"query on an exact entry":          configured + "?to=https://evil.example",
	"empty query":                      configured + "?",
	"other query":                      "https://admin.example/app/login?auth_provider=github",
	"more query":                       "https://admin.example/app/login?auth_provider=google&to=https://evil.example",
	"open redirect below the prefix":   "https://shop.example/done/go?to=https://evil.example",
	"slash behind an exact entry":      configured + "/",
	"below an exact entry":             configured + "/x",
	"upper case in the path":           "https://shop.example/AUTH/callback",
	"upper case in the host":           "https://SHOP.example/done/",
	"upper case in the scheme":         "HTTPS://shop.example/done/",
	"prefix without the slash":         "https://shop.example/done",
	"beside the prefix":                "https://shop.example/donetoo",
	"dot segment":                      "https://shop.example/done/./x",
	"dot segments":                     "https://shop.example/done/../admin",
	"dot segments at the end":          "https://shop.example/done/..",
	"dot segment at the end":           "https://shop.example/done/.",
	"dot segments with a parameter":    "https://shop.example/done/..;/admin",
	"escaped dot segments":             "https://shop.example/done/%2e%2e/admin",
	"half escaped dot segments":        "https://shop.example/done/.%2E/admin",
	"twice escaped dot segments":       "https://shop.example/done/%252e%252e/admin",
	"overlong dot segments":            "https://shop.example/done/%c0%ae%c0%ae/admin",
	"escaped slash":                    "https://shop.example/done/..%2fadmin",
	"escaped backslash":                "https://shop.example/done/..%5cadmin",
	"escaped newline":                  "https://shop.example/done/%0d%0ax",
	"escaped NUL":                      "https://shop.example/done/%00",
	"bad escape":                       "https://shop.example/done/%zz",
	"empty segment":                    "https://shop.example/done//evil.example",
	"empty segment first":              "https://shop.example:8443//evil.example",
	"at sign":                          "https://shop.example/done/@evil.example",
	"the entry as it is written":       "https://shop.example/done/*",
	"same exact entry, other loopback": "http://localhost:8000/cb",
	"loopback by another name":         "http://127.0.0.2:8000/cb",
	"loopback as a number":             "http://2130706433:8000/cb",
	"other loopback port":              "http://127.0.0.1:8001/cb",
	"escaped otherwise":                "https://shop.example/a b",
	"two addresses":                    configured + "," + configured,
	"too long":                         "https://shop.example/done/" + strings.Repeat("a", 2048),
	"very long":                        "https://shop.example/done/" + strings.Repeat("a", 1<<20),
}

// (attacks.md D1)
func TestCallbackRefused(t *testing.T) {
	t.Parallel()
	c := callbacks(t)
	for name, asked := range refusedCallbacks {
		got, err := c.Choose(asked)
		if got != "" || identity.CodeOf(err) != identity.CodeInvalid || identity.ReasonOf(err) != "callback_url_refused" {
			t.Errorf("%s: %.100q, %v", name, got, err)
		}
		if err != nil && len(err.Error()) > 200 {
			t.Errorf("%s: the message repeats what was asked for", name)
		}
	}
}

// Entries that would never match, or that parsers read differently, are found
// when the configuration is read, and the message says what to write.
func TestCallbackEntries(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, entry, remedy string }{
		{"not an address", "shop", "write it in full"},
		{"path", "/auth/callback", "write it in full"},
		{"app scheme", "shop://callback", "write it in full"},
		{"no host", "https:///callback", "write it in full"},
		{"upper case scheme", "HTTPS://shop.example/cb", "lower case"},
		{"upper case host", "https://Shop.example/cb", "shop.example"},
		{"user", "https://ann@shop.example/cb", "leave out what stands before the @"},
		{"fragment", "https://shop.example/cb#x", "leave out #"},
		{"empty fragment", "https://shop.example/cb#", "leave out #"},
		{"default port", "https://shop.example:443/cb", "leave it out"},
		{"default port of http", "http://localhost:80/cb", "leave it out"},
		{"empty port", "https://shop.example:/cb", "leave it out"},
		{"impossible port", "https://shop.example:70000/cb", "1 to 65535"},
		{"port 0", "https://shop.example:0/cb", "1 to 65535"},
		{"apostrophe", "https://shop.example/cb?x='", "escape it"},
		{"leading zero of the port", "https://shop.example:08443/cb", "leave it out"},
		{"letters of another alphabet", "https://bücher.example/cb", "xn--bcher-kva.example"},
		{"no punycode", "https://xn--0/cb", "no name"},
		{"letters in the path", "https://shop.example/zurück", "https://shop.example/zur%C3%BCck"},
		{"trailing dot", "https://shop.example./cb", "no name"},
		{"short IPv4", "http://127.1/cb", "127.0.0.1"},
		{"hexadecimal IPv4", "http://0x7f.0.0.1/cb", "127.0.0.1"},
		{"long IPv6", "http://[0:0:0:0:0:0:0:1]/cb", "[::1]"},
		{"zone", "http://[fe80::1%25eth0]/cb", "IP address"},
		{"space", "https://shop.example/a b", "escape it"},
		{"newline", "https://shop.example/cb\n", "escape it"},
		{"backslash", `https://shop.example\cb`, "escape it"},
		{"quote", `https://shop.example/"cb"`, "escape it"},
		{"dot segments", "https://shop.example/a/../cb", "when it is resolved"},
		{"escaped dot segments", "https://shop.example/a/%2e%2e/cb", "when it is resolved"},
		{"escaped slash", "https://shop.example/a%2fcb", "plain path"},
		{"twice escaped", "https://shop.example/a%252ecb", "plain path"},
		{"empty segment", "https://shop.example/a//cb", "plain path"},
		{"star in the host", "https://*.shop.example/cb", "only behind the last slash"},
		{"star in the path", "https://shop.example/*/cb", "only behind the last slash"},
		{"star in the query", "https://shop.example/cb?x=*&y", "only behind the last slash"},
		{"star without a slash", "https://shop.example/cb*", "ends with /*"},
		{"star behind the host", "https://shop.example*", "ends with /*"},
		{"two stars", "https://shop.example/**", "only behind the last slash"},
		{"star behind a query", "https://shop.example/cb?x=/*", "ends with /*"},
		{"star behind an escape", "https://shop.example/a%20b/*", "ends with /*"},
		{"star with plain http", "http://shop.example/*", "use https"},
		{"star with plain http in a network", "http://192.168.0.1/*", "use https"},
		{"too long", "https://shop.example/" + strings.Repeat("a", 2048), "longer than"},
		{"empty", "", "write it in full"},
	} {
		_, err := oauth.NewCallbacks(configured, []string{test.entry})
		if err == nil || !strings.Contains(err.Error(), test.remedy) || !strings.Contains(err.Error(), "callback_urls") {
			t.Errorf("%s: got %v, want one that says %q", test.name, err, test.remedy)
		}
		if strings.HasSuffix(test.entry, "*") || test.entry == "" {
			continue
		}
		_, err = oauth.NewCallbacks(test.entry, nil)
		if err == nil || !strings.Contains(err.Error(), test.remedy) || !strings.Contains(err.Error(), "callback_url ") {
			t.Errorf("%s, configured: got %v, want one that says %q", test.name, err, test.remedy)
		}
	}
	for configured, remedy := range map[string]string{"": "set it to", "https://shop.example/*": "must be one address"} {
		if _, err := oauth.NewCallbacks(configured, nil); err == nil || !strings.Contains(err.Error(), remedy) {
			t.Errorf("configured %q: got %v, want one that says %q", configured, err, remedy)
		}
	}
}
