package emailpass

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Spellings of one account. (attacks.md G10, H3)
func TestCanonicalAddress(t *testing.T) {
	t.Parallel()
	for canonical, spellings := range map[string][]string{
		"ann@example.com": {
			"ann@example.com", "Ann@Example.COM", "ANN@EXAMPLE.COM", " ann@example.com", "ann@example.com\t\r\n", "\u00a0ann@example.com\u3000",
			"ann@\uff45\uff58ample.com", "ann@example\u3002com", "ann@example\uff0ecom", // full width: IDNA takes them for the same name
		},
		"ann+shop@example.com":       {"ann+shop@example.com", "Ann+Shop@example.com"},
		"a.n.n@example.com":          {"a.n.n@example.com"},
		"o'neil!#$%&*/=?^_`{|}~-@ex": {"O'Neil!#$%&*/=?^_`{|}~-@EX"},
		"1@xn--bcher-kva.example": {
			"1@bücher.example", "1@BÜCHER.example", "1@bu\u0308cher.example", "1@xn--bcher-kva.example", "1@XN--BCHER-KVA.Example",
		},
		"käthe@example.com":     {"käthe@example.com", "ka\u0308the@example.com", "KÄTHE@example.com", "KA\u0308THE@example.com"},
		"δοκιμή@xn--jxalpdlp":   {"δοκιμή@δοκιμή", "ΔΟΚΙΜΉ@δοκιμή", "δοκιμη\u0301@xn--jxalpdlp"},
		"\u1e97@example.com":    {"t\u0308@example.com", "T\u0308@example.com", "\u1e97@example.com"}, // composes in lower case alone
		"iä@xn--tda":            {"\u0130ä@\u00fc", "I\u0307A\u0308@\u00dc"},
		"straße@xn--strae-oqa":  {"straße@straße", "STRAẞE@straße"},
		"strasse@strasse":       {"strasse@strasse"},
		"用户@xn--fiqs8s":         {"用户@中国"},
		"a@localhost":           {"A@localhost"},
		"=?utf-8?q?a?=@example": {"=?UTF-8?Q?a?=@example"}, // no encoded word outside a display name
		strings.Repeat("a", 64) + "@" + strings.Repeat("b.", 127) + "d": {strings.Repeat("A", 64) + "@" + strings.Repeat("b.", 127) + "D"},
	} {
		for _, spelling := range spellings {
			a, err := parseAddress(spelling)
			if err != nil || a.canonical != canonical {
				t.Errorf("%+q: %+q, %v, want %+q", spelling, a.canonical, err, canonical)
			}
			if a.typed != strings.TrimSpace(spelling) {
				t.Errorf("%+q: kept %+q", spelling, a.typed)
			}
		}
	}
}

// (attacks.md D13)
func TestAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, typed := range map[string]string{
		"empty":                        "",
		"spaces":                       " \t ",
		"no @":                         "not-an-email",
		"no local part":                "@shop.example",
		"no domain":                    "ann@",
		"@ alone":                      "@",
		"two @":                        "a@evil@shop.example",
		"two @ side by side":           "a@@shop.example",
		"full-width @":                 "a\uff20evil@shop.example\uff20x@",
		"quoted local part":            `"ann"@shop.example`,
		"quoted local part with @":     `"a@evil"@shop.example`,
		"quoted space":                 `"a b"@shop.example`,
		"Kelvin sign":                  "\u212aate@shop.example",
		"dotted capital I":             "\u0130an@shop.example",
		"dotted capital I, decomposed": "I\u0307an@shop.example",
		"half quoted":                  `"ann@shop.example`,
		"quoted word":                  `ann."x"@shop.example`,
		"backslash":                    `a\@evil@shop.example`,
		"comment before":               "(x)ann@shop.example",
		"comment in the local part":    "ann(x)@shop.example",
		"comment behind":               "ann@shop.example(x)",
		"comment with @":               "ann@evil.example(@shop.example)",
		"display name":                 "Ann <ann@shop.example>",
		"quoted display name":          `"ann@shop.example" <a@evil.example>`,
		"encoded display name":         "=?utf-8?q?Ann?= <ann@shop.example>",
		"angle brackets":               "<ann@shop.example>",
		"route":                        "<@evil.example:ann@shop.example>",
		"group":                        "friends: ann@shop.example;",
		"empty group":                  "friends:;",
		"list":                         "ann@shop.example, bob@shop.example",
		"list without space":           "ann@shop.example,bob@shop.example",
		"semicolon":                    "ann@shop.example;bob@shop.example",
		"space in the local part":      "a nn@shop.example",
		"space before the @":           "ann @shop.example",
		"space behind the @":           "ann@ shop.example",
		"folded":                       "ann@\r\n shop.example",
		"header injection":             "ann@shop.example\r\nBcc: a@evil.example",
		"dot first":                    ".ann@shop.example",
		"dot last":                     "ann.@shop.example",
		"two dots":                     "a..nn@shop.example",
		"domain with dot first":        "ann@.shop.example",
		"domain with trailing dot":     "ann@shop.example.",
		"domain with two dots":         "ann@shop..example",
		"domain of a dot":              "ann@.",
		"mapped trailing dot":          "ann@shop.example\u3002",
		"mapped leading dot":           "ann@\u3002shop.example",
		"mapped double dot":            "ann@shop\u3002\uff0eexample",
		"mapped dot alone":             "ann@\u3002",
		"domain literal":               "ann@[127.0.0.1]",
		"IPv6 literal":                 "ann@[IPv6:::1]",
		"literal with @":               "ann@[a@b]",
		"underscore in the domain":     "ann@shop_1.example",
		"hyphen first in the domain":   "ann@-shop.example",
		"percent in the domain":        "ann@shop%2eexample",
		"not a punycode label":         "ann@xn--a",
		"wrong punycode":               "ann@xn--\uff41\uff42",
		"right to left":                "ann@\u05d0a.example",
		"NUL":                          "a\x00nn@shop.example",
		"NUL at the end":               "ann@shop.example\x00",
		"DEL":                          "a\x7fnn@shop.example",
		"C1 control":                   "a\u0085nn@shop.example",
		"no-break space inside":        "a\u00a0nn@shop.example",
		"line separator":               "a\u2028nn@shop.example",
		"soft hyphen":                  "a\u00adnn@shop.example",
		"zero-width space":             "a\u200bnn@shop.example",
		"zero-width joiner":            "a\u200dnn@shop.example",
		"right-to-left override":       "\u202enna@shop.example",
		"byte order mark":              "\ufeffann@shop.example",
		"private use":                  "a\ue000nn@shop.example",
		"invisible in the domain":      "ann@shop\u200b.example",
		"not UTF-8":                    "a\xffnn@shop.example",
		"overlong UTF-8":               "a\xc0\x80nn@shop.example",
		"not UTF-8 in the domain":      "ann@sh\xffop.example",
		"321 bytes":                    strings.Repeat("a", 65) + "@" + strings.Repeat("b.", 127) + "d",
		"321 bytes of a longer letter": strings.Repeat("ä", 155) + "@" + strings.Repeat("b.", 4) + "dd",
		"longer when mapped":           "a@" + strings.Repeat("\ufdfa", 60) + ".example",
		"longer in lower case":         strings.Repeat("\u023a", 156) + "@e.com",
		"1 MB":                         strings.Repeat("a", 1<<20) + "@shop.example",
	} {
		if a, err := parseAddress(typed); err == nil || a != (address{}) {
			t.Errorf("%s: %.100q is taken for %.100q", name, typed, a.canonical)
		}
	}
}

// The error goes into logs and must not say what somebody typed.
func TestAddressErrorKeepsTheInput(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"hunter2", "hunter2@", `"hunter2"@x`, "a@hunter2_", "Hunter2 <a@b>", "a@hunter2\u3002", "hunter2\x00@x"} {
		if _, err := parseAddress(typed); err == nil || strings.Contains(strings.ToLower(err.Error()), "hunter") {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string][]string{
		"ann@example.com":    {"ann@example.com"},
		"Ann@Example.com":    {"Ann@Example.com", "ann@example.com"},
		" ann@example.com ":  {" ann@example.com ", "ann@example.com"},
		"ann@bücher.example": {"ann@bücher.example", "ann@xn--bcher-kva.example"},
		"not-an-email":       {"not-an-email"},
		"A@B@c":              {"A@B@c"},
		"":                   {""},
		"a\xff@example.com":  {"a\xff@example.com"},
	} {
		if got := new(Provider).Keys(typed); !slices.Equal(got, want) {
			t.Errorf("%+q: %+q, want %+q", typed, got, want)
		}
	}
}

// checkAddress fails the test unless s is no address or has a canonical form
// that is one: its own, and that of every spelling of it.
func checkAddress(t *testing.T, s string) {
	t.Helper()
	a, err := parseAddress(s)
	if err != nil {
		return
	}
	if a.typed != strings.TrimSpace(s) {
		t.Fatalf("%+q: kept %+q", s, a.typed)
	}
	c := a.canonical
	local, domain, _ := strings.Cut(c, "@")
	switch {
	case strings.Count(c, "@") != 1, local == "", domain == "", len(c) > maxAddress, !utf8.ValidString(c),
		c != strings.ToLower(c), !norm.NFC.IsNormalString(c),
		strings.ContainsFunc(c, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' }),
		strings.ContainsFunc(domain, func(r rune) bool { return r > unicode.MaxASCII }):
		t.Fatalf("%+q has the canonical form %+q", s, c)
	}
	for _, spelling := range []string{c, local + "@" + strings.ToUpper(domain), norm.NFD.String(local) + "@" + domain} {
		if len(spelling) > maxAddress || strings.ContainsAny(spelling, "<>") { // some signs decompose to these
			continue
		}
		if again, err := parseAddress(spelling); err != nil || again.canonical != c {
			t.Fatalf("%+q has the canonical form %+q, but its spelling %+q has %+q (%v)", s, c, spelling, again.canonical, err)
		}
	}
}

// Every capital there is, also under the marks with which some compose in lower
// case alone: the same account as in lower case.
func TestEveryCapital(t *testing.T) {
	t.Parallel()
	for c := rune(0); c <= unicode.MaxRune; c++ {
		if !unicode.IsUpper(c) || c == '\u0130' || c == '\u212a' {
			continue
		}
		for _, mark := range []string{"", "\u0308", "\u030a", "\u030c", "\u0331"} {
			capital := string(c) + mark
			a, err := parseAddress(capital + "@example.com")
			if err != nil {
				t.Errorf("%+q: %v", capital, err)
			}
			if b, err := parseAddress(strings.ToLower(capital) + "@example.com"); err != nil || a.canonical != b.canonical {
				t.Errorf("%+q: %+q, but in lower case %+q, %v", capital, a.canonical, b.canonical, err)
			}
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{
		"ann@example.com", " Ann@Example.COM ", "ka\u0308the@B\u00dcCHER.example", "T\u0308@x", "a@evil@shop.example", `"a@b"@c`, "(x)a@b", "a@b.",
		"A <a@b>", "<a@b>", "g:a@b;", "a@[1.2.3.4]", "a@b\u3002", "\u0130@\u0130", "a@xn--bcher-kva", "a@\ufdfa", "a\x00@b", "a\xff@b", "\u212a@\u212a", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkAddress(t, s)
		keys := new(Provider).Keys(s)
		if len(keys) == 0 || len(keys) > 2 || keys[0] != s {
			t.Fatalf("%+q has the keys %+q", s, keys)
		}
	})
}
