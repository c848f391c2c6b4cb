package session

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func fuzzSigner(f *testing.F) *signer {
	s, err := newSigner([]identity.Secret{identity.NewSecret("first"), identity.NewSecret("second")})
	if err != nil {
		f.Fatal(err)
	}
	return s
}

// An id that is accepted from a header is one that we would sign, with the very
// signature that the header holds, and no header makes two ids of it.
func FuzzCookie(f *testing.F) {
	s := fuzzSigner(f)
	previous := &signer{keys: s.keys[1:]}
	good := s.sign("nyMv0IIVuYN5VIVtVFf8zI8RGXHTBCJD")
	plain, _ := url.PathUnescape(good)
	for _, seed := range []string{
		"connect.sid=" + good, "connect.sid=" + plain, `connect.sid="` + good + `"`, "connect.sid=" + previous.sign("old"),
		"a=b; connect.sid=" + good + "; c=d", "connect.sid=x; connect.sid=" + good, "connect.sid=" + good + "=",
		"connect.sid=" + s.sign("a.b%41+!{}"), "connect.sid=" + s.sign(strings.Repeat("a", maxSID)),
		"connect.sid=" + s.sign("Zoë"), "connect.sid=s:" + plain[2:20] + "%ff" + plain[20:], "=;;\xff", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		value, _ := find([]string{line}, DefaultName)
		sid, ok := s.verify(value)
		if !ok {
			if sid != "" {
				t.Fatalf("refused, with the id %q", sid)
			}
			return
		}
		if !validSID(sid) || len(sid) > maxSID {
			t.Fatalf("%q is no id", sid)
		}
		given := decode(value)
		if again, ok := s.verify(s.sign(sid)); !ok || again != sid {
			t.Fatalf("%q signed again is read as %q, %t", sid, again, ok)
		}
		if given != decode(s.sign(sid)) && given != decode(previous.sign(sid)) {
			t.Fatalf("%q was accepted, but we would not have signed it", given)
		}
	})
}

// Cutting leaves no cookie of the name for Node to find, and of all others
// every byte.
func FuzzCut(f *testing.F) {
	for _, seed := range [][2]string{
		{"connect.sid=x; a=1", "b=2"}, {"a=1;connect.sid=x;b=2", "connect.sid=y"}, {" ;;a = 1;=", "connect.sid"},
		{"\xa0connect.sid\t=x;\xff=\xfe", "a=\"x; connect.sid=y\"; c"}, {"; connect.sid=; ;", ""}, {"", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		given := []string{first, second}
		h := http.Header{"Cookie": slices.Clone(given)}
		cut(h, DefaultName)
		if value, ok := find(h["Cookie"], DefaultName); ok {
			t.Fatalf("%q still holds %q", h["Cookie"], value)
		}
		if got, want := others(h["Cookie"]), others(given); !slices.Equal(got, want) {
			t.Fatalf("%q became %q: others are %q, want %q", given, h["Cookie"], got, want)
		}
		if _, found := find(given, DefaultName); found && len(others(given)) == 0 && h["Cookie"] != nil {
			t.Fatalf("%q left %q", given, h["Cookie"])
		}
		before := slices.Clone(h["Cookie"])
		cut(h, DefaultName)
		if !slices.Equal(h["Cookie"], before) {
			t.Fatalf("cut again, %q became %q", before, h["Cookie"])
		}
	})
}

// others returns the pairs that are not ours, without the blanks before them.
func others(lines []string) []string {
	var pairs []string
	for _, line := range lines {
		for _, pair := range strings.Split(line, ";") {
			name, _, ok := strings.Cut(pair, "=")
			for name != "" && strings.Contains(blankJS, name[:1]) {
				name = name[1:]
			}
			for name != "" && strings.Contains(blankJS, name[len(name)-1:]) {
				name = name[:len(name)-1]
			}
			if pair = strings.TrimLeft(pair, " \t"); pair != "" && (!ok || name != DefaultName) {
				pairs = append(pairs, pair)
			}
		}
	}
	return pairs
}

// A device that is read is one that we would write, byte by byte.
func FuzzDevice(f *testing.F) {
	s := newDeviceSigner([]identity.Secret{identity.NewSecret("first"), identity.NewSecret("second")})
	previous := &deviceSigner{keys: s.keys[1:]}
	one := device{id: [deviceID]byte{1}, accounts: []deviceAccount{{end: 1 << 40}}}
	full := device{id: [deviceID]byte{2}, accounts: make([]deviceAccount, deviceAccounts)}
	for _, seed := range []string{s.write(one), s.write(full), previous.write(one), s.write(one)[1:], s.write(device{}), "", "AA", "====", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		d, err := s.read(value)
		if err != nil {
			return
		}
		if n := len(d.accounts); n < 1 || n > deviceAccounts {
			t.Fatalf("%d accounts", n)
		}
		if value != s.write(d) && value != previous.write(d) {
			t.Fatalf("%q was read, but we would not have written it", value)
		}
	})
}
