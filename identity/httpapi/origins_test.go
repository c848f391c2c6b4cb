package httpapi_test

import (
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
)

func TestOrigins(t *testing.T) {
	t.Parallel()
	o, err := httpapi.ParseOrigins([]string{
		"https://shop.example.com", "HTTPS://Admin.Example.com:443", "http://localhost:5173", "http://[::1]:8000", "capacitor://localhost",
		`/^https:\/\/[a-z0-9-]+\.preview\.example$/`, `/PARTNER\.example/i`, `/\.net$/gu`,
	})
	if err != nil {
		t.Fatal(err)
	}
	for origin, want := range map[string]bool{
		"https://shop.example.com": true, "https://admin.example.com": true, "http://localhost:5173": true, "http://[::1]:8000": true, "capacitor://localhost": true,
		"https://a-1.preview.example": true, "https://a.partner.example": true, "https://x.net": true,
		// Patterns are searched for, as Medusa does: this one is not anchored.
		"https://partner.example.evil.example": true,
		"":                                     false, "null": false, "*": false, "https://shop.example.com/": false, "https://Shop.example.com": false, "http://shop.example.com": false,
		"https://shop.example.com:443": false, "https://shop.example.com.evil.example": false, "https://evil.example#https://shop.example.com": false,
		"https://a.b.preview.example": false, "https://a.preview.example.evil.example": false, "http://localhost": false, "https://x.net.example": false,
	} {
		if got := o.Allowed(origin); got != want {
			t.Errorf("%q: got %t, want %t", origin, got, want)
		}
	}
	if (httpapi.Origins{}).Allowed("https://shop.example.com") {
		t.Error("the empty set allows an origin")
	}
	anything, err := httpapi.ParseOrigins([]string{"/.*/"})
	if err != nil {
		t.Fatal(err)
	}
	if anything.Allowed("null") || anything.Allowed("") || !anything.Allowed("https://x.example") {
		t.Error("`null` and no origin are no origins, whatever the pattern")
	}
}

func TestOriginsThatCannotBe(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		"*": "list the origins", "": "write it as https://", "shop.example.com": "write it as https://", "localhost:8000": "write it as https://",
		"https://": "write it as https://", "null": "write it as https://", "https://shop.example.com/": "not even a slash", "https://shop.example.com/x": "not even a slash",
		"https://user@shop.example.com": "not even a slash", "https://shop.example.com?x": "not even a slash", "https://shop.example.com#": "not even a slash",
		"https://*.example.com": "without wildcards", "https://müller.example": "in ASCII",
		"/": "write a regular expression as /…/", "//": "write a regular expression as /…/", "/x": "write a regular expression as /…/", "/x/q": "write a regular expression as /…/",
		"/(/": "not a regular expression that can be used", `/(?=x)/`: "not a regular expression that can be used", `/(a)\1/`: "not a regular expression that can be used",
	} {
		o, err := httpapi.ParseOrigins([]string{"https://good.example", entry})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "origin ") {
			t.Errorf("%q: got error %v, want one with %q", entry, err, want)
		}
		if o.Allowed("https://good.example") {
			t.Errorf("%q: a list with a mistake in it is used", entry)
		}
	}
	_, err := httpapi.ParseOrigins([]string{"*", "/(/"})
	if err == nil || strings.Count(err.Error(), "origin ") != 2 {
		t.Errorf("got %v, want both mistakes", err)
	}
}

// FuzzCORS: no origin of a request gets more than itself, and none makes an
// answer that HTTP cannot carry.
func FuzzCORS(f *testing.F) {
	o, err := httpapi.ParseOrigins([]string{"https://shop.example.com", `/^https:\/\/[a-z]+\.example$/`})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "null", "*", "https://shop.example.com", "https://a.example", "https://a.example\n", "https://shop.example.com, x", "\x00", "/x/", "/(/", "https://x/*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		allowed := o.Allowed(origin)
		label, isPattern := strings.CutPrefix(origin, "https://")
		label, end := strings.CutSuffix(label, ".example")
		isPattern = isPattern && end && label != "" && strings.Trim(label, "abcdefghijklmnopqrstuvwxyz") == ""
		if allowed != (origin == "https://shop.example.com" || isPattern) {
			t.Errorf("%q: got %t", origin, allowed)
		}
		if own, err := httpapi.ParseOrigins([]string{origin}); err == nil && !strings.HasPrefix(origin, "/") {
			if own.Allowed("null") || own.Allowed("") || own.Allowed("https://evil.example") && !strings.HasPrefix(strings.ToLower(origin), "https://evil.example") {
				t.Errorf("%q allows too much", origin)
			}
		}
	})
}
