package session_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

const ann = "ann@example.com"

// told returns what a browser sends after it was told of a device.
func told(m *session.Manager, h http.Header, account string) http.Header {
	line, _, _ := strings.Cut(m.DeviceCookie(h, account, false), ";")
	return cookies(line)
}

// A browser is known to the accounts that logged in by it, under one id, and to no
// others.
func TestDevice(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Settings{})
	hers := told(m, nil, ann)
	id := m.Device(hers, ann)
	if id == "" || m.Device(hers, "bob@example.com") != "" || m.Device(hers, "") != "" || m.Device(nil, ann) != "" {
		t.Fatalf("known as %q", id)
	}
	if again := told(m, hers, ann); m.Device(again, ann) != id {
		t.Error("another log-in made another browser of it")
	}
	if other := told(m, nil, ann); m.Device(other, ann) == id {
		t.Error("two browsers are one")
	}
	both := told(m, hers, "bob@example.com")
	if m.Device(both, ann) != id || m.Device(both, "bob@example.com") != id {
		t.Error("a browser of two is not known to both")
	}
	for n := range 3 {
		both = told(m, both, fmt.Sprint(n))
	}
	if m.Device(both, ann) != "" || m.Device(both, "bob@example.com") != id || m.Device(both, "2") != id {
		t.Error("it is not known to those four that came last")
	}
}

func TestDeviceExpires(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	hers := told(m, nil, ann)
	store.clock.Forward(60 * 24 * time.Hour)
	both := told(m, hers, "bob@example.com") // does not prolong hers
	store.clock.Forward(30*24*time.Hour - time.Second)
	if m.Device(hers, ann) == "" || m.Device(both, ann) == "" {
		t.Error("forgotten early")
	}
	store.clock.Forward(time.Second)
	if m.Device(hers, ann) != "" || m.Device(both, ann) != "" || m.Device(both, "bob@example.com") == "" {
		t.Error("not forgotten, or the wrong one")
	}
}

// What was changed, cut, made with another secret or for another use is none.
func TestDeviceForged(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Settings{})
	value := strings.TrimPrefix(told(m, nil, ann).Get("Cookie"), "connect.sid.device=")
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	for n := range raw {
		changed := append([]byte{}, raw...)
		changed[n] ^= 1
		if m.Device(cookies("connect.sid.device="+base64.RawURLEncoding.EncodeToString(changed)), ann) != "" {
			t.Errorf("byte %d does not matter", n)
		}
	}
	for name, forged := range map[string]string{
		"empty": "", "cut": value[:len(value)-2], "longer": value + "AA", "padded": value + "=", "escaped": "%41" + value[1:], "quoted once": `"` + value,
		"an entry doubled": base64.RawURLEncoding.EncodeToString(append(append([]byte{}, raw[:41]...), raw[17:]...)),
		"a megabyte":       strings.Repeat("A", 1<<20),
	} {
		if m.Device(cookies("connect.sid.device="+forged), ann) != "" {
			t.Errorf("%s: known", name)
		}
	}
	for _, name := range []string{"connect.sid", "connect.sid.browser", "device"} {
		if m.Device(cookies(name+"="+value), ann) != "" {
			t.Errorf("known by the cookie %s", name)
		}
	}
	if _, ok := m.FromRequest(cookies("connect.sid=" + value)); ok {
		t.Error("a session")
	}
	other, err := session.NewManager(session.Config{Secrets: secrets([]string{"another"}), Store: &memory{}})
	if err != nil {
		t.Fatal(err)
	}
	if other.Device(cookies("connect.sid.device="+value), ann) != "" {
		t.Error("known by another secret")
	}
	rotated, err := session.NewManager(session.Config{
		Secrets: secrets([]string{"new", "session-test-secret"}), Store: &memory{}, Clock: func() time.Time { return start },
	})
	if err != nil {
		t.Fatal(err)
	}
	hers := cookies("connect.sid.device=" + value)
	if id := rotated.Device(hers, ann); id == "" || rotated.Device(told(rotated, hers, "bob@example.com"), ann) != id {
		t.Error("forgotten when the secret was rotated")
	}
	if m.Device(told(rotated, hers, ann), ann) != "" {
		t.Error("not signed by the first secret")
	}
}

// The attributes are those of the session's cookie, but for its life; a backend
// never sees it.
func TestDeviceCookie(t *testing.T) {
	t.Parallel()
	const life = "; Path=/; Max-Age=7776000; HttpOnly"
	for name, test := range map[string]struct {
		settings    session.Settings
		http, https string // what follows the value; "-" for no cookie at all
	}{
		"default": {session.Settings{}, life, life + "; Secure; SameSite=Lax"},
		"always":  {session.Settings{Secure: "always"}, "-", life + "; Secure; SameSite=Lax"},
		"strict":  {session.Settings{SameSite: "strict"}, life + "; SameSite=Strict", life + "; Secure; SameSite=Strict"},
		"domain":  {session.Settings{Domain: "example.com"}, "; Domain=example.com" + life, "; Domain=example.com" + life + "; Secure; SameSite=Lax"},
	} {
		m, _ := newManager(t, test.settings)
		for https, want := range map[bool]string{false: test.http, true: test.https} {
			line := m.DeviceCookie(nil, ann, https)
			_, attributes, _ := strings.Cut(line, ";")
			if want == "-" && line != "" || want != "-" && (";"+attributes != want || !strings.HasPrefix(line, "connect.sid.device=")) {
				t.Errorf("%s, https %t: %s", name, https, line)
			}
		}
	}
	m, _ := newManager(t, session.Settings{})
	h := cookies("a=b; " + told(m, nil, ann).Get("Cookie") + "; c=d")
	if m.Cut(h); h.Get("Cookie") != "a=b; c=d" {
		t.Errorf("the backend gets %s", h.Get("Cookie"))
	}
}
