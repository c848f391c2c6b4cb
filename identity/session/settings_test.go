package session_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

func TestSettingsValidate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings session.Settings
		want     []string // parts of the error; none if valid
	}{
		"defaults":                  {session.Settings{}, nil},
		"everything set":            {session.Settings{Name: "sid", Domain: "example.com", SameSite: "none", Secure: "always", TTL: time.Hour, MaxAge: 24 * time.Hour, Rolling: true}, nil},
		"leading dot":               {session.Settings{Domain: ".example.com"}, nil},
		"single label":              {session.Settings{Domain: "localhost"}, nil},
		"never secure":              {session.Settings{SameSite: "lax", Secure: "never"}, nil},
		"max age below ttl":         {session.Settings{MaxAge: time.Hour}, nil},
		"host prefix":               {session.Settings{Name: "__Host-sid", Secure: "always"}, nil},
		"secure prefix with domain": {session.Settings{Name: "__Secure-sid", Secure: "always", Domain: "example.com"}, nil},

		"none, auto":               {session.Settings{SameSite: "none"}, []string{"same_site none", "add secure always"}},
		"none, never":              {session.Settings{SameSite: "none", Secure: "never"}, []string{"same_site none"}},
		"unknown same site":        {session.Settings{SameSite: "Lax"}, []string{`same_site "Lax"`, "lax, none or strict"}},
		"unknown secure":           {session.Settings{Secure: "yes"}, []string{`secure "yes"`, "auto, always or never"}},
		"host prefix, auto":        {session.Settings{Name: "__Host-sid"}, []string{"__Host-sid", "add secure always"}},
		"host prefix, other case":  {session.Settings{Name: "__HOST-sid"}, []string{"__HOST-sid", "add secure always"}},
		"host prefix with domain":  {session.Settings{Name: "__Host-sid", Secure: "always", Domain: "example.com"}, []string{"remove domain example.com"}},
		"secure prefix, never":     {session.Settings{Name: "__Secure-sid", Secure: "never"}, []string{"__Secure-sid", "add secure always"}},
		"http prefix, auto":        {session.Settings{Name: "__Http-sid"}, []string{"__Http-sid", "add secure always"}},
		"name with space":          {session.Settings{Name: "connect sid"}, []string{`cookie "connect sid"`}},
		"name with =":              {session.Settings{Name: "a=b"}, []string{`cookie "a=b"`}},
		"name with ;":              {session.Settings{Name: "a;b"}, []string{`cookie "a;b"`}},
		"name beyond ASCII":        {session.Settings{Name: "sïd"}, []string{"cookie"}},
		"name with line break":     {session.Settings{Name: "sid\n"}, []string{"cookie"}},
		"domain with scheme":       {session.Settings{Domain: "https://example.com"}, []string{"domain", "without scheme"}},
		"domain with port":         {session.Settings{Domain: "example.com:443"}, []string{"domain"}},
		"domain with path":         {session.Settings{Domain: "example.com/"}, []string{"domain"}},
		"domain with space":        {session.Settings{Domain: "example.com "}, []string{"domain"}},
		"domain with attribute":    {session.Settings{Domain: "example.com; Path=/x"}, []string{"domain"}},
		"domain with line break":   {session.Settings{Domain: "example.com\n"}, []string{"domain"}},
		"domain with empty label":  {session.Settings{Domain: "example..com"}, []string{"domain"}},
		"domain with wildcard":     {session.Settings{Domain: "*.example.com"}, []string{"domain"}},
		"negative ttl":             {session.Settings{TTL: -time.Hour}, []string{"ttl -1h0m0s", "leave ttl out"}},
		"ttl of milliseconds":      {session.Settings{TTL: time.Millisecond}, []string{"ttl 1ms"}},
		"negative max age":         {session.Settings{MaxAge: -1}, []string{"max_age"}},
		"all messages at once":     {session.Settings{Domain: "a b", TTL: -1, SameSite: "x"}, []string{"domain", "ttl", "same_site"}},
		"same site none and names": {session.Settings{Name: "__Host-x", SameSite: "none"}, []string{"same_site none", "__Host-x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.settings.Validate()
			if len(test.want) == 0 {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if _, err := session.NewManager(session.Config{
				Settings: test.settings, Secrets: secrets([]string{"s"}), Store: &memory{},
			}); err == nil {
				t.Error("NewManager accepts it")
			}
		})
	}
}

func TestNewManagerRequires(t *testing.T) {
	t.Parallel()
	good := session.Config{Secrets: secrets([]string{"s"}), Store: &memory{}}
	if _, err := session.NewManager(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*session.Config){
		"a secret":             func(c *session.Config) { c.Secrets = nil },
		"no empty secret":      func(c *session.Config) { c.Secrets = secrets([]string{""}) },
		"no empty old secret":  func(c *session.Config) { c.Secrets = secrets([]string{"s", ""}) },
		"a store":              func(c *session.Config) { c.Store = nil },
		"settings that fit it": func(c *session.Config) { c.SameSite = "none" },
	} {
		c := good
		spoil(&c)
		if _, err := session.NewManager(c); err == nil {
			t.Errorf("made without %s", name)
		}
	}
}

// Every Set-Cookie, deletions too, has what browsers demand (attack I3).
func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	const value = "connect.sid=s%3AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.GxRspceULPXB%2FroygBA5EnZyoHuSbSvi6ugowhNqGwU"
	const expires = "; Path=/; Expires=Sun, 22 Nov 2026 02:54:34 GMT"
	const gone = "; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
	for name, test := range map[string]struct {
		settings session.Settings
		http     string // what follows the value; "-" for no cookie at all
		https    string
		clear    string
	}{
		"default":           {session.Settings{}, expires + "; HttpOnly", expires + "; HttpOnly; Secure; SameSite=Lax", gone},
		"always":            {session.Settings{Secure: "always"}, "-", expires + "; HttpOnly; Secure; SameSite=Lax", gone + "; Secure"},
		"never":             {session.Settings{Secure: "never"}, expires + "; HttpOnly", expires + "; HttpOnly; SameSite=Lax", gone},
		"lax":               {session.Settings{SameSite: "lax"}, expires + "; HttpOnly; SameSite=Lax", expires + "; HttpOnly; Secure; SameSite=Lax", gone + "; SameSite=Lax"},
		"strict":            {session.Settings{SameSite: "strict"}, expires + "; HttpOnly; SameSite=Strict", expires + "; HttpOnly; Secure; SameSite=Strict", gone + "; SameSite=Strict"},
		"none":              {session.Settings{SameSite: "none", Secure: "always"}, "-", expires + "; HttpOnly; Secure; SameSite=None", gone + "; Secure; SameSite=None"},
		"domain":            {session.Settings{Domain: "example.com"}, "; Domain=example.com" + expires + "; HttpOnly", "; Domain=example.com" + expires + "; HttpOnly; Secure; SameSite=Lax", "; Domain=example.com" + gone},
		"__Host-sid":        {session.Settings{Secure: "always"}, "-", expires + "; HttpOnly; Secure; SameSite=Lax", gone + "; Secure"},
		"__Http-sid":        {session.Settings{Secure: "always"}, "-", expires + "; HttpOnly; Secure; SameSite=Lax", gone + "; HttpOnly; Secure"},
		"__Host-Http-sid":   {session.Settings{Secure: "always"}, "-", expires + "; HttpOnly; Secure; SameSite=Lax", gone + "; HttpOnly; Secure"},
		"shorter by maxage": {session.Settings{MaxAge: time.Hour}, "; Path=/; Expires=Sat, 21 Nov 2026 17:54:34 GMT; HttpOnly", "; Path=/; Expires=Sat, 21 Nov 2026 17:54:34 GMT; HttpOnly; Secure; SameSite=Lax", gone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cookie := "connect.sid"
			if strings.HasPrefix(name, "__") {
				cookie = name
				test.settings.Name = name
			}
			c := identitytest.NewClockAt(start)
			m, err := session.NewManager(session.Config{
				Settings: test.settings,
				Secrets:  secrets([]string{"s"}),
				Store:    &memory{clock: c, records: make(map[string]stored)},
				Clock:    c.Now,
				Rand:     bytes.NewReader(make([]byte, 48)),
			})
			if err != nil {
				t.Fatal(err)
			}
			for https, want := range map[bool]string{false: test.http, true: test.https} {
				started, err := m.Start(t.Context(), "", claims("customer", "cus_1"), https)
				if err != nil {
					t.Fatal(err)
				}
				if want != "-" {
					want = strings.Replace(value, "connect.sid", cookie, 1) + want
				} else {
					want = ""
				}
				if started.SetCookie != want {
					t.Errorf("https %t\n got %s\nwant %s", https, started.SetCookie, want)
				}
			}
			if got, want := m.ClearCookie(), cookie+"="+test.clear; got != want {
				t.Errorf("deletion\n got %s\nwant %s", got, want)
			}
		})
	}
}

// However a manager is printed, the secret does not show.
func TestManagerHidesItsSecret(t *testing.T) {
	t.Parallel()
	const secret = "do-not-print-me"
	m, err := session.NewManager(session.Config{
		Secrets: []identity.Secret{identity.NewSecret(secret)}, Store: &memory{},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{m, *m} {
			text := fmt.Sprintf(verb, value)
			for _, form := range []string{secret, fmt.Sprintf("%x", secret), strings.Trim(fmt.Sprint([]byte(secret)), "[]")} {
				if strings.Contains(text, form) {
					t.Errorf("%s of %T shows the secret: %s", verb, value, text)
				}
			}
		}
	}
}
