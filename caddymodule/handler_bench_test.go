package caddymodule

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// BenchmarkHandler measures what the handler adds to a request, without
// network: verification from the cache, header hygiene and forwarding.
func BenchmarkHandler(b *testing.B) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: b.Context()})
	b.Cleanup(cancel)
	realm := &Realm{Redis: &Redis{Embedded: true}}
	if err := realm.provision(ctx, "bench"); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = realm.release() })
	h := &Handler{realm: realm}
	if err := h.provision(ctx); err != nil {
		b.Fatal(err)
	}
	claims, err := realm.service.Register(b.Context(), "customer", "emailpass", identity.Input{
		Body: map[string]any{"email": "bench@example.com", "password": "bench-password"},
	})
	if err != nil {
		b.Fatal(err)
	}
	claims.ActorID = "cus_01M7ZRVPKCMB3DHZ79X04JJAD7"
	token, err := realm.ring.Access(claims)
	if err != nil {
		b.Fatal(err)
	}
	started, err := realm.sessions.Start(b.Context(), "", claims, false)
	if err != nil {
		b.Fatal(err)
	}
	cookie, _, _ := strings.Cut(started.SetCookie, ";")
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	for name, header := range map[string]http.Header{
		"anonymous": {},
		"bearer":    {"Authorization": {"Bearer " + token}},
		"session":   {"Cookie": {cookie}},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/store/products", nil)
			for _, field := range []string{"Accept", "User-Agent", "Accept-Language", "X-Publishable-Api-Key", "Accept-Encoding"} {
				r.Header.Set(field, "value")
			}
			c := context.WithValue(r.Context(), caddy.ReplacerCtxKey, caddy.NewReplacer())
			c = context.WithValue(c, caddyhttp.VarsCtxKey, make(map[string]any))
			c = context.WithValue(c, caddyhttp.ExtraLogFieldsCtxKey, new(caddyhttp.ExtraLogFields))
			r = r.WithContext(c)
			plain := r.Header
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				r.Header = plain.Clone()
				for field, values := range header {
					r.Header[field] = values
				}
				if err := h.ServeHTTP(w, r, next); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
