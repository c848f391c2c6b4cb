package session_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

const browserID = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestBrowser(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Settings{})
	for name, test := range map[string]struct {
		lines []string
		known bool
	}{
		"none":             {nil, false},
		"ours":             {[]string{"connect.sid.browser=" + browserID}, true},
		"quoted":           {[]string{`a=b; connect.sid.browser="` + browserID + `"`}, true},
		"the first":        {[]string{"connect.sid.browser=" + browserID, "connect.sid.browser=x"}, true},
		"not the second":   {[]string{"connect.sid.browser=x; connect.sid.browser=" + browserID}, false},
		"empty":            {[]string{"connect.sid.browser="}, false},
		"shorter":          {[]string{"connect.sid.browser=" + browserID[1:]}, false},
		"longer":           {[]string{"connect.sid.browser=" + browserID + "A"}, false},
		"padded":           {[]string{"connect.sid.browser=" + browserID + "="}, false},
		"bits left over":   {[]string{"connect.sid.browser=" + browserID[1:] + "B"}, false},
		"other alphabet":   {[]string{"connect.sid.browser=" + browserID[1:] + "+"}, false},
		"escaped":          {[]string{"connect.sid.browser=%41" + browserID[1:]}, false},
		"another name":     {[]string{"connect.sid=" + browserID, "sid.browser=" + browserID, "Connect.sid.browser=" + browserID}, false},
		"a megabyte":       {[]string{"connect.sid.browser=" + strings.Repeat("A", 1<<20)}, false},
		"with a line feed": {[]string{"connect.sid.browser=" + browserID[1:] + "\n"}, false},
		"line feed behind": {[]string{"connect.sid.browser=" + browserID + "\n"}, false},
	} {
		h := http.Header{"Cookie": test.lines}
		b := m.Browser(h)
		if b.Returned != test.known || (b.ID == browserID) != test.known || len(b.ID) != 43 {
			t.Errorf("%s: %+v", name, b)
		}
		if again := m.Browser(h); (again.ID == b.ID) != test.known {
			t.Errorf("%s: %+v after %+v", name, again, b)
		}
		// What a browser is told of is what it brings back.
		line, _, _ := strings.Cut(m.BrowserCookie(b, false), ";")
		if back := m.Browser(cookies(line)); back != (identity.Browser{ID: b.ID, Returned: true}) {
			t.Errorf("%s: told of %s, brings back %+v", name, line, back)
		}
	}
}

// The attributes are those of the session's cookie, but for its life.
func TestBrowserCookie(t *testing.T) {
	t.Parallel()
	const life = "; Path=/; Max-Age=2592000; HttpOnly"
	for name, test := range map[string]struct {
		settings    session.Settings
		http, https string // what follows the value; "-" for no cookie at all
	}{
		"default":    {session.Settings{}, life, life + "; Secure; SameSite=Lax"},
		"always":     {session.Settings{Secure: "always"}, "-", life + "; Secure; SameSite=Lax"},
		"never":      {session.Settings{Secure: "never"}, life, life + "; SameSite=Lax"},
		"strict":     {session.Settings{SameSite: "strict"}, life + "; SameSite=Strict", life + "; Secure; SameSite=Strict"},
		"none":       {session.Settings{SameSite: "none", Secure: "always"}, "-", life + "; Secure; SameSite=None"},
		"domain":     {session.Settings{Domain: "example.com"}, "; Domain=example.com" + life, "; Domain=example.com" + life + "; Secure; SameSite=Lax"},
		"__Host-sid": {session.Settings{Name: "__Host-sid", Secure: "always"}, "-", life + "; Secure; SameSite=Lax"},
	} {
		c := identitytest.NewClockAt(start)
		m, err := session.NewManager(session.Config{
			Settings: test.settings, Secrets: secrets([]string{"s"}), Store: &memory{clock: c}, Clock: c.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		b := identity.Browser{ID: browserID}
		cookie := "connect.sid.browser="
		if test.settings.Name != "" {
			cookie = test.settings.Name + ".browser="
		}
		for https, want := range map[bool]string{false: test.http, true: test.https} {
			if want = cookie + browserID + want; strings.HasSuffix(want, "-") {
				want = ""
			}
			if got := m.BrowserCookie(b, https); got != want {
				t.Errorf("%s, https %v:\n got %s\nwant %s", name, https, got, want)
			}
		}
	}
}

// Whatever a browser sends, what is taken for an id can be written as one.
func FuzzBrowser(f *testing.F) {
	for _, seed := range []string{"", "a=b", "connect.sid.browser=" + browserID, `connect.sid.browser="` + browserID + `"`, "connect.sid.browser=\xff", ";=;"} {
		f.Add(seed)
	}
	m, err := session.NewManager(session.Config{Secrets: secrets([]string{"s"}), Store: &memory{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		b := m.Browser(cookies(line))
		if len(b.ID) != 43 || strings.Trim(b.ID, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("%q: %+v", line, b)
		}
		if b.Returned && !strings.Contains(line, b.ID) {
			t.Errorf("%q: %+v", line, b)
		}
	})
}
