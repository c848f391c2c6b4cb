package session_test

import (
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// What every request with a session cookie pays.
func BenchmarkFromRequest(b *testing.B) {
	m, _ := newManager(b, session.Settings{})
	cookie, _, _ := strings.Cut(login(b, m, "", claims("customer", "cus_1")).SetCookie, ";")
	h := cookies("theme=dark; " + cookie + "; cart=cart_01")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := m.FromRequest(h); !ok {
			b.Fatal("not accepted")
		}
	}
}

// What a request pays whose session is not in a cache.
func BenchmarkLoad(b *testing.B) {
	m, _ := newManager(b, session.Settings{})
	sid := login(b, m, "", claims("customer", "cus_1")).SID
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Load(b.Context(), sid); err != nil {
			b.Fatal(err)
		}
	}
}
