package caddymodule

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

func TestStripIdentity(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want http.Header }{
		"every spelling": {
			http.Header{
				"X-Auth-Actor-Id": {"a", "b"}, "x-auth-actor-id": {"c"}, "X_Auth_Actor_Id": {"d"}, "X-Auth_User": {"e"},
				"x_auth-user": {"f"}, "X.Auth.Actor.Type": {"g"}, "X-AUTH-": {"h"}, "X-Auth-Link": {"customer=cus_1"}, "Accept": {"*/*"},
			},
			http.Header{"Accept": {"*/*"}},
		},
		"names that only look alike": {
			http.Header{"X-Authentic": {"1"}, "X-Author-Id": {"2"}, "Xauth-Id": {"3"}},
			http.Header{"X-Authentic": {"1"}, "X-Author-Id": {"2"}, "Xauth-Id": {"3"}},
		},
		"a prefix of the site's own": {
			http.Header{"X-Shop-Actor-Id": {"a"}, "X_Shop_Actor_Id": {"b"}, "X-Auth-Actor-Id": {"c"}, "X-Shopping": {"d"}},
			http.Header{"X-Shopping": {"d"}},
		},
		"named in Connection": {
			http.Header{"Connection": {"close, X-Auth-Actor-Id", "x_auth_user", "keep-alive"}},
			http.Header{"Connection": {"close", "keep-alive"}},
		},
		"credentials named in Connection": {
			http.Header{"Connection": {"Authorization, Upgrade, Cookie"}, "Authorization": {"Bearer x"}},
			http.Header{"Connection": {"Upgrade"}, "Authorization": {"Bearer x"}},
		},
		"nothing to do": {
			http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}},
			http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stripIdentity(c.in, "x-shop-")
			if !reflect.DeepEqual(c.in, c.want) {
				t.Errorf("left\n%v, want\n%v", c.in, c.want)
			}
		})
	}
}

// foldedFully is a name as the most forgiving server could read it: case folded as
// Unicode has it, wide letters as plain ones, and `_`, `.` and spaces as `-`.
func foldedFully(name string) string {
	name = norm.NFKC.String(strings.ToLower(strings.ToUpper(norm.NFKC.String(strings.TrimSpace(name)))))
	return strings.NewReplacer("_", "-", ".", "-", " ", "-").Replace(name)
}

// FuzzStripIdentity: nothing survives, in a name or in a list of names, that any
// server could take for one of ours; and nothing else is touched.
func FuzzStripIdentity(f *testing.F) {
	for _, name := range []string{"X-Auth-Actor-Id", "x_AUTH.user", "X-Auth", "Authorization", "x-\u017fhop-id", "\uff38-auth-id", "X\u2010Auth-Id", "x-shop-", "", "X-Shoppe", "x-\xffauth-"} {
		f.Add(name, "close, "+name)
	}
	f.Add("x", "keep-alive,, ,x_auth_a ,cookie\t")
	f.Fuzz(func(t *testing.T, name, connection string) {
		h := http.Header{name: {"x"}, "Connection": {connection}}
		stripIdentity(h, "x-shop-")
		forbidden := func(s string) bool {
			s = foldedFully(s)
			return strings.HasPrefix(s, "x-auth-") || strings.HasPrefix(s, "x-shop-")
		}
		for left := range h {
			if forbidden(left) {
				t.Errorf("%q is left", left)
			}
		}
		if _, kept := h[name]; !kept && name != "Connection" && !forbidden(name) && isASCII(name) {
			t.Errorf("%q is gone", name)
		}
		for _, value := range h["Connection"] {
			for token := range strings.SplitSeq(value, ",") {
				if forbidden(token) || slices.Contains([]string{"authorization", "cookie", "host"}, foldedFully(token)) {
					t.Errorf("Connection still names %q", token)
				}
			}
		}
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c >= 0x80 })
}

func TestNewHeaderNames(t *testing.T) {
	t.Parallel()
	names, err := newHeaderNames("")
	if err != nil || names.actorID != "X-Auth-Actor-Id" || names.own != "x-auth-" {
		t.Errorf("default: %+v, %v", names, err)
	}
	names, err = newHeaderNames("x-shop-")
	if err != nil || names.identityID != "X-Shop-Identity-Id" || names.own != "x-shop-" {
		t.Errorf("own prefix: %+v, %v", names, err)
	}
	if names, err = newHeaderNames("off"); err != nil || names.own != "" {
		t.Errorf("off: %+v, %v", names, err)
	}
	for _, bad := range []string{"X-Shop", "-", "X Shop-", "X:Shop-", "X_Shop-", "Xé-"} {
		if _, err := newHeaderNames(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
