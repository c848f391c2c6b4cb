package caddymodule

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
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

// FuzzStripIdentity: nothing survives that is one of our names when case is
// ignored and `_`, `.` and `-` count as the same.
func FuzzStripIdentity(f *testing.F) {
	f.Add("X-Auth-Actor-Id", "close, x_auth_a")
	f.Add("x_AUTH.user", "keep-alive")
	f.Fuzz(func(t *testing.T, name, connection string) {
		h := http.Header{name: {"x"}, "Connection": {connection}}
		stripIdentity(h, "x-shop-")
		plain := strings.NewReplacer("_", "-", ".", "-")
		forbidden := func(s string) bool {
			s = plain.Replace(strings.ToLower(strings.TrimSpace(s)))
			return strings.HasPrefix(s, "x-auth-") || strings.HasPrefix(s, "x-shop-")
		}
		for left := range h {
			if forbidden(left) {
				t.Errorf("%q is left", left)
			}
		}
		for _, value := range h["Connection"] {
			for token := range strings.SplitSeq(value, ",") {
				if forbidden(token) {
					t.Errorf("Connection still names %q", token)
				}
			}
		}
	})
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
