package oauth_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	whatwg "github.com/nlnwa/whatwg-url/url"

	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

// Whatever passes is, as Go and as browsers read it, below an entry of the list.
func FuzzCallbackURL(f *testing.F) {
	c := callbacks(f)
	for _, asked := range refusedCallbacks {
		f.Add(asked)
	}
	for _, entry := range append(listed, configured) {
		f.Add(entry)
		f.Add(strings.TrimSuffix(entry, "*") + "x/y")
	}
	f.Fuzz(func(t *testing.T, asked string) {
		got, err := c.Choose(asked)
		if err != nil {
			if got != "" {
				t.Fatalf("%q is refused and chosen", asked)
			}
			return
		}
		if asked == "" || slices.Contains(append(listed, configured), asked) && !strings.HasSuffix(asked, "*") {
			return
		}
		if got != asked {
			t.Fatalf("%q became %q", asked, got)
		}
		if strings.ContainsAny(asked, "\\@#?%;\t\r\n \x00") || strings.Contains(asked[len("https://"):], "//") {
			t.Fatalf("%q holds something odd", asked)
		}
		byGo, err := url.Parse(asked)
		if err != nil {
			t.Fatalf("%q: %v", asked, err)
		}
		byBrowser, err := whatwg.Parse(asked)
		if err != nil {
			t.Fatalf("%q: %v", asked, err)
		}
		if byBrowser.Href(false) != asked {
			t.Fatalf("%q: browsers make %q of it", asked, byBrowser.Href(false))
		}
		for _, entry := range listed {
			prefix, ok := strings.CutSuffix(entry, "*")
			if !ok {
				continue
			}
			want, err := url.Parse(prefix)
			if err != nil {
				t.Fatal(err)
			}
			if byGo.Scheme == want.Scheme && byGo.Host == want.Host && byGo.User == nil && byGo.RawQuery == "" &&
				strings.HasPrefix(byGo.JoinPath().Path, want.Path) && strings.HasPrefix(byBrowser.Pathname(), want.Path) &&
				byBrowser.Protocol() == want.Scheme+":" && byBrowser.Host() == want.Host {
				return
			}
		}
		t.Fatalf("%q is below no entry", asked)
	})
}

// What can be configured is what the list then permits, whatever was written.
func FuzzCallbackEntry(f *testing.F) {
	for _, asked := range refusedCallbacks {
		f.Add(asked)
	}
	for _, entry := range listed {
		f.Add(entry)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		c, err := oauth.NewCallbacks(configured, []string{entry})
		if err != nil {
			return
		}
		address, isPrefix := strings.CutSuffix(entry, "*")
		if got, err := c.Choose(address); err != nil || got != address {
			t.Fatalf("%q is listed and refused: %v", address, err)
		}
		u, err := whatwg.Parse(address)
		if err != nil {
			t.Fatalf("%q: browsers do not take it: %v", address, err)
		}
		want := address
		if byGo, err := url.Parse(address); err != nil {
			t.Fatalf("%q: %v", address, err)
		} else if byGo.Path == "" { // browsers add the slash, people leave it out
			want = strings.Replace(address, "://"+byGo.Host, "://"+byGo.Host+"/", 1)
		}
		if href := u.Href(false); href != want {
			t.Fatalf("%q: browsers make %q of it", address, href)
		}
		if isPrefix {
			if _, err := c.Choose(address + "../x"); err == nil {
				t.Fatalf("%q permits what is above it", entry)
			}
		}
	})
}
