package session_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

func TestCut(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Settings{})
	for name, test := range map[string]struct{ lines, want []string }{
		"no header":              {nil, nil},
		"alone":                  {[]string{"connect.sid=x"}, nil},
		"alone, unsigned, empty": {[]string{"connect.sid="}, nil},
		"first":                  {[]string{"connect.sid=x; a=1; b=2"}, []string{"a=1; b=2"}},
		"middle":                 {[]string{"a=1; connect.sid=x; b=2"}, []string{"a=1; b=2"}},
		"last":                   {[]string{"a=1; connect.sid=x"}, []string{"a=1"}},
		"several":                {[]string{"connect.sid=x; a=1; connect.sid=y; connect.sid=z"}, []string{"a=1"}},
		"no spaces":              {[]string{"a=1;connect.sid=x;b=2"}, []string{"a=1;b=2"}},
		"blanks":                 {[]string{"a=1 ; \tconnect.sid \t= x ;  b=2 "}, []string{"a=1 ;  b=2 "}},
		"no-break space":         {[]string{"a=1; \xa0connect.sid=x"}, []string{"a=1"}},
		"only separators left":   {[]string{"; connect.sid=x; ;"}, nil},
		"one of two lines":       {[]string{"connect.sid=x", "a=1"}, []string{"a=1"}},
		"both lines":             {[]string{"connect.sid=x", "connect.sid=y"}, nil},
		"three lines":            {[]string{"a=1", "b=2; connect.sid=x", "c=3"}, []string{"a=1", "b=2", "c=3"}},
		"untouched oddities":     {[]string{" ;;a = 1;b=\"x; y\";=; ;c", ""}, []string{" ;;a = 1;b=\"x; y\";=; ;c", ""}},
		"other lines keep form":  {[]string{" ;;a", "connect.sid=x"}, []string{" ;;a"}},
		"bytes beyond UTF-8":     {[]string{"a=\xff\xfe; connect.sid=x; \xe9=\xe9"}, []string{"a=\xff\xfe; \xe9=\xe9"}},
		"other case":             {[]string{"Connect.Sid=x; CONNECT.SID=y"}, []string{"Connect.Sid=x; CONNECT.SID=y"}},
		"longer names":           {[]string{"xconnect.sid=x; connect.sid2=y; connect.sid =z"}, []string{"xconnect.sid=x; connect.sid2=y"}},
		"the browser's":          {[]string{"connect.sid.browser=x; a=1; connect.sid=y"}, []string{"a=1"}},
		"name as a value":        {[]string{"a=connect.sid=x; connect.sid"}, []string{"a=connect.sid=x; connect.sid"}},
		"inside quotes, as Node": {[]string{`a="1; connect.sid=x; 2"`}, []string{`a="1; 2"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := slices.Clone(test.lines)
			h := http.Header{"Accept": {"*/*"}}
			if given != nil {
				h["Cookie"] = given
			}
			m.Cut(h)
			if !slices.Equal(h["Cookie"], test.want) {
				t.Errorf("%q became %q, want %q", test.lines, h["Cookie"], test.want)
			}
			if _, ok := h["Cookie"]; ok && test.want == nil {
				t.Error("an empty header is left")
			}
			if !slices.Equal(given, test.lines) {
				t.Errorf("the given slice was changed to %q", given)
			}
			if h.Get("Accept") != "*/*" {
				t.Error("another header was touched")
			}
		})
	}
}

// The other cookies of a request that is Cut are seen by Go's parser as before.
func TestCutLeavesOtherCookies(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Settings{})
	r := &http.Request{Header: cookies("theme=dark; connect.sid=s%3Ax.y; cart=cart_01; connect.sid=z", "_medusa_jwt=t")}
	m.Cut(r.Header)
	var got []string
	for _, c := range r.Cookies() {
		got = append(got, c.Name+"="+c.Value)
	}
	if want := []string{"theme=dark", "cart=cart_01", "_medusa_jwt=t"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A megabyte of cookies is passed over without decoding, hashing or copying.
func TestHugeCookiesCostNothing(t *testing.T) {
	m, _ := newManager(t, session.Settings{})
	for name, line := range map[string]string{
		"one value":     "connect.sid=s%3A" + strings.Repeat("a", 1<<20),
		"escapes":       "connect.sid=" + strings.Repeat("%41", 1<<20/3),
		"other cookies": strings.Repeat("a=b;", 1<<18),
		"no pair":       strings.Repeat("a", 1<<20),
		"dots":          "connect.sid=s:" + strings.Repeat(".", 1<<20),
	} {
		h := cookies(line)
		if _, ok := m.FromRequest(h); ok {
			t.Errorf("%s: accepted", name)
		}
		if allocs := testing.AllocsPerRun(3, func() { m.FromRequest(h) }); allocs > 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// Without our cookie a request is not copied.
func TestCutAllocatesNothingWithoutTheCookie(t *testing.T) {
	m, _ := newManager(t, session.Settings{})
	h := cookies("theme=dark; cart=cart_01", "a=b")
	if allocs := testing.AllocsPerRun(10, func() { m.Cut(h) }); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
