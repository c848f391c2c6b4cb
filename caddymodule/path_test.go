package caddymodule

import (
	"net/url"
	"path"
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
	for _, seed := range []string{"/auth/x", "/a/../auth", "/%61uth", "/a%2f..%2fauth", "/a;/../auth", `/a\..\auth`, "/%2561uth", "//auth", "/AUTH/..;/x", "/;/admin", "/%2561dmin", "/x;y/admin", "/%252fadmin", "/admin;x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(u.Path, "/") {
			return
		}
		if locate(u, "/auth") != elsewhere {
			return
		}
		admin := strings.HasPrefix(strings.ToLower(path.Clean(u.Path)), "/admin") // the matcher /admin*
		for _, reading := range readings(u) {
			if below(reading, "/auth") || below(reading, "/admin") && !admin {
				t.Errorf("%q passes, but can be read as %q", target, reading)
			}
		}
	})
}

// readings lists how other servers understand the path: decoded once or twice,
// with or without matrix parameters, backslashes as slashes, cleaned or not.
func readings(u *url.URL) []string {
	list := []string{u.EscapedPath(), u.Path}
	if again, err := url.PathUnescape(u.Path); err == nil {
		list = append(list, again)
	}
	for _, p := range list {
		list = append(list, strings.ReplaceAll(p, `\`, "/"))
	}
	for _, p := range list {
		segments := strings.Split(p, "/")
		for i, s := range segments {
			segments[i], _, _ = strings.Cut(s, ";")
		}
		list = append(list, strings.Join(segments, "/"))
	}
	for _, p := range list {
		list = append(list, path.Clean("/"+p))
	}
	return list
}
