package caddymodule

import (
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
)

func TestLocate(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]place{
		"/auth":                        belowPrefix,
		"/auth/":                       belowPrefix,
		"/auth/customer/emailpass":     belowPrefix,
		"/AUTH/customer/emailpass":     belowPrefix,
		"/%61uth/customer/emailpass":   belowPrefix,
		"//auth/customer/emailpass":    belowPrefix,
		"/auth//customer":              belowPrefix,
		"/auth/customer/email%70ass":   belowPrefix,
		"/auth/a;b=c":                  belowPrefix,
		"/authors":                     elsewhere,
		"/store/auth":                  elsewhere,
		"/":                            elsewhere,
		"/store/products":              elsewhere,
		"/store/search/100%25":         elsewhere,
		"/store/a%2Fb":                 elsewhere,
		"/store/.well-known/x":         elsewhere,
		"/store/file.txt":              elsewhere,
		"/store/a;b":                   elsewhere,
		"/store//x":                    elsewhere,
		"/store/100%2525":              elsewhere,
		"/store/a%2520b":               elsewhere,
		"*":                            ambiguous,
		"x:admin":                      ambiguous,
		"x:%2fauth":                    ambiguous,
		"x:/auth/x":                    belowPrefix,
		"http://shop/auth/x":           belowPrefix,
		"http://shop":                  ambiguous, // the handler makes it "/" before
		"/public/../auth/x":            ambiguous,
		"/auth/a;b=c/d":                ambiguous,
		"/store;x/customers/me":        ambiguous,
		"/;/admin":                     ambiguous,
		"/store/;x":                    ambiguous,
		"/store/a%252Fb":               ambiguous,
		"/%2561dmin":                   ambiguous,
		"/store/%252e":                 ambiguous,
		"/auth/../store":               ambiguous,
		"/auth/./x":                    ambiguous,
		"/store/./x":                   ambiguous,
		"/auth/%2e%2e/emailpass":       ambiguous,
		"/public/%2e%2e/admin":         ambiguous,
		"/public/..%2fadmin":           ambiguous,
		"/public/%252e%252e/admin":     ambiguous,
		"/public/%25252e%25252e/admin": ambiguous,
		"/public/..;/admin":            ambiguous,
		"/public/.;x=y/admin":          ambiguous,
		"/public;/../admin":            ambiguous,
		"/public/..%5cadmin":           ambiguous,
		"/public%5c..%5cadmin":         ambiguous,
		"/public/%00/admin":            ambiguous,
		"/%2561uth/x":                  ambiguous,
		"/auth;x/customer/emailpass":   ambiguous,
		"/a%25252525252525":            ambiguous,
		"/store%2f..%2fauth":           ambiguous,
	} {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		if got := locate(u, "/auth"); got != want {
			t.Errorf("locate(%s) = %d, want %d", target, got, want)
		}
	}
}

// FuzzLocate: whatever reading of a path another server may choose, none lies
// below the prefix unless we answer or refuse the request, and none below another
// path that Caddy's matchers do not see.
func FuzzLocate(f *testing.F) {
	for _, seed := range []string{
		"/auth/x", "/a/../auth", "/%61uth", "/a%2f..%2fauth", "/a;/../auth", `/a\..\auth`, "/%2561uth", "//auth", "/AUTH/..;/x", "/;/admin", "/%2561dmin", "/x;y/admin",
		"/%252fadmin", "/admin;x", "x:admin", "*", "http://h/admin", "/%5cadmin", "/.%2e;a/%2e./admin", "/a//..//admin", "/%3b/auth", "/a%25252e", "/%2e%2e%5cAuth;x=1/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || len(target) > 200 || locate(u, "/auth") != elsewhere {
			return
		}
		matched := strings.HasPrefix(strings.ToLower(path.Clean(u.Path)), "/admin") // the matcher /admin*
		sent, _, _ := strings.Cut(u.RequestURI(), "?")                              // to the backend
		for _, reading := range readings(sent) {
			if within(reading, "auth") || within(reading, "admin") && !matched {
				t.Errorf("%q passes, but can be read as %q", target, reading)
			}
		}
	})
}

// readings lists how other servers may understand a path: every step that one of
// them takes, in every order and number. It is slow, and simple.
func readings(p string) []string {
	steps := []func(string) string{
		func(p string) string {
			if decoded, err := url.PathUnescape(p); err == nil {
				return decoded
			}
			return p
		},
		func(p string) string { return strings.ReplaceAll(p, `\`, "/") },
		func(p string) string { return regexp.MustCompile(`//+`).ReplaceAllString(p, "/") },
		func(p string) string { return regexp.MustCompile(`;[^/]*`).ReplaceAllString(p, "") },
		func(p string) string { p, _, _ = strings.Cut(p, "\x00"); return p },
		dotSegments,
	}
	known := map[string]bool{p: true}
	list := []string{p}
	for n := 0; n < len(list) && len(list) < 2000; n++ {
		for _, step := range steps {
			if next := step(list[n]); !known[next] {
				known[next] = true
				list = append(list, next)
			}
		}
	}
	return list
}

// dotSegments removes them as RFC 3986 has it, one segment after the other.
func dotSegments(p string) string {
	var kept []string
	for segment := range strings.SplitSeq(p, "/") {
		switch segment {
		case ".":
		case "..":
			if len(kept) > 1 {
				kept = kept[:len(kept)-1]
			}
		default:
			kept = append(kept, segment)
		}
	}
	return strings.Join(kept, "/")
}

// within reports whether the first segment of the path is the name, in any case,
// with or without the slash before it.
func within(p, name string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/")
	return strings.EqualFold(first, name)
}
