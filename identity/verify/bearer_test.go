package verify_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/token"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// (reference medusa-v2, section 5)
func TestBearerToken(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", token.MaxLength)
	for _, test := range []struct {
		name     string
		values   []string
		want     string // "": none
		presents bool
	}{
		{"none", nil, "", false},
		{"empty", []string{""}, "", false},
		{"plain", []string{"Bearer a.b.c"}, "a.b.c", true},
		{"lower case", []string{"bearer a.b.c"}, "a.b.c", true},
		{"upper case", []string{"BEARER a.b.c"}, "a.b.c", true},
		{"mixed case", []string{"bEaReR a.b.c"}, "a.b.c", true},
		{"several spaces", []string{"Bearer    a.b.c"}, "a.b.c", true},
		{"tab", []string{"Bearer\ta.b.c"}, "a.b.c", true},
		{"spaces and tabs", []string{" \tBearer \t a.b.c \t"}, "a.b.c", true},
		{"words behind it", []string{"Bearer a.b.c d.e.f g"}, "a.b.c", true},
		{"tab behind it", []string{"Bearer a.b.c\td"}, "a.b.c", true},
		{"comma behind it", []string{"Bearer a.b.c, Bearer x"}, "a.b.c,", true},
		{"no-break space", []string{"Bearer\xa0a.b.c"}, "a.b.c", true},
		{"no-break space before", []string{"\xa0Bearer a.b.c"}, "a.b.c", true},
		{"no-break space behind", []string{"Bearer a.b.c\xa0d"}, "a.b.c", true},
		{"no-break space of UTF-8", []string{"Bearer\xc2\xa0a.b.c"}, "", false},
		{"no token", []string{"Bearer"}, "", true},
		{"no token but blanks", []string{"Bearer \t \xa0"}, "", true},
		{"no scheme", []string{"a.b.c"}, "", false},
		{"no blank", []string{"Bearera.b.c"}, "", false},
		{"colon", []string{"Bearer: a.b.c"}, "", false},
		{"other scheme", []string{"Basic c2tfMTIzOg=="}, "", false},
		{"bearer as second word", []string{"Basic Bearer a.b.c"}, "", false},
		{"quoted", []string{`Bearer "a.b.c"`}, `"a.b.c"`, true},
		{"two fields", []string{"Bearer a.b.c", "Bearer a.b.c"}, "", true},
		{"two fields, one empty", []string{"", "Bearer a.b.c"}, "", true},
		{"two fields, no bearer", []string{"Basic a", "Basic a"}, "", true},
		{"Basic and bearer", []string{"Basic a", "Bearer a.b.c"}, "", true},
		{"letters that fold to others", []string{"Be\u1d00rer a.b.c"}, "", false},
		{"the longest token", []string{"Bearer " + long}, long, true},
		{"1 MB token", []string{"Bearer " + strings.Repeat("a", 1<<20)}, "", true},
		{"1 MB of blanks", []string{"Bearer" + strings.Repeat(" ", 1<<20) + "a.b.c"}, "", true},
		{"1 MB of another scheme", []string{strings.Repeat("a", 1<<20)}, "", false},
		{"1 MB behind it", []string{"Bearer a.b.c " + strings.Repeat("a", 1<<20)}, "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{"Authorization": test.values}
			raw, ok := verify.BearerToken(h)
			if raw != test.want || ok != (test.want != "") {
				t.Errorf("token %.100q, %v, want %.100q", raw, ok, test.want)
			}
			if got := verify.PresentsBearer(h); got != test.presents {
				t.Errorf("presents a bearer: %v, want %v", got, test.presents)
			}
		})
	}
}

// medusaWords is the expression by which Medusa takes the field apart, with
// JavaScript's white space, written for bytes of Latin-1.
var medusaWords = regexp.MustCompile(`([^\t\n\v\f\r \x{a0}]+)[\t\n\v\f\r \x{a0}]+([^\t\n\v\f\r \x{a0}]+)`)

// latin1 reads a field value as Node does.
func latin1(value string) string {
	runes := make([]rune, len(value))
	for i := range len(value) {
		runes[i] = rune(value[i])
	}
	return string(runes)
}

// Whatever bytes come: what the backend would take for a bearer token is one
// for us, and the same; otherwise it would pass unchecked.
func FuzzBearerToken(f *testing.F) {
	for _, seed := range []string{
		"Bearer a.b.c", "bearer\ta", "\xa0Bearer\xa0a\xa0b", "Bearer", "Bearer ", "Basic a", "Bearer\xc2\xa0a", "a", "", "\x00Bearer \x00a",
		"Bearer a\u00a0b", "Bearer\va", "B\u212aearer a", strings.Repeat("Bearer ", 9),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		h := http.Header{"Authorization": {value}}
		raw, ok := verify.BearerToken(h)
		if ok && (!verify.PresentsBearer(h) || raw == "" || strings.ContainsAny(raw, " \t\r\n") || !strings.Contains(value, raw)) {
			t.Fatalf("token %q of %q", raw, value)
		}
		if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' }) {
			return // no server lets such a value pass
		}
		words := medusaWords.FindStringSubmatch(latin1(value))
		if words == nil || !strings.EqualFold(words[1], "bearer") {
			if ok {
				t.Fatalf("token %q of %q is none for the backend", raw, value)
			}
			return
		}
		if !verify.PresentsBearer(h) {
			t.Fatalf("%q is a bearer for the backend alone", value)
		}
		if ok && latin1(raw) != words[2] {
			t.Fatalf("token %q of %q, for the backend %q", raw, value, words[2])
		}
	})
}
