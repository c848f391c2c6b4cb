package token_test

import (
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

func BenchmarkAccess(b *testing.B) {
	for name, key := range benchKeys(b) {
		b.Run(name, func(b *testing.B) {
			ring := newRing(b, token.Config{Keys: []token.Key{key}})
			c := customer()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ring.Access(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseAccess(b *testing.B) {
	for name, key := range benchKeys(b) {
		b.Run(name, func(b *testing.B) {
			ring := newRing(b, token.Config{Keys: []token.Key{key}})
			raw := access(b, ring, customer())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ring.ParseAccess(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("HS256 forged", func(b *testing.B) {
		ring := secretRing(b, secret)
		raw := tampered(access(b, ring, customer()))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ring.ParseAccess(raw); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}

func benchKeys(b *testing.B) map[string]token.Key {
	b.Helper()
	return map[string]token.Key{
		"HS256": secretKey(b, secret),
		"RS256": parse(b, rsaPEM()),
		"ES256": parse(b, p256PEM()),
		"EdDSA": parse(b, ed25519PEM()),
	}
}
