package password_test

import (
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
)

func BenchmarkHash(b *testing.B) {
	for _, format := range []password.Format{password.Argon2id, password.Scrypt} {
		b.Run(string(format), func(b *testing.B) {
			h := newHasher(b, password.Config{Format: format})
			for b.Loop() {
				if _, err := h.Hash(b.Context(), "password"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The numbers per unit of work are what the factors in bounds.go rest on.
func BenchmarkVerify(b *testing.B) {
	for _, c := range []struct{ name, stored, given string }{
		{"argon2id/m=64MiB,t=2", vector("argon2id m 64 MiB"), "password"},
		{"scrypt/logN=15,r=8", vector("medusa v2"), "correct horse battery staple"},
		{"scrypt/logN=1,r=1", vector("medusa v1"), "Passw0rd!"},
		{"bcrypt/cost=6", vector("bcrypt 2b"), "correct horse"},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := newHasher(b, fastArgon2)
			for b.Loop() {
				if match, err := h.Verify(b.Context(), identity.NewSecret(c.stored), c.given); !match || err != nil {
					b.Fatal(match, err)
				}
			}
		})
	}
}

func BenchmarkCheckHash(b *testing.B) {
	for _, name := range []string{"argon2id m 64 MiB", "medusa v2", "bcrypt 2b"} {
		b.Run(name, func(b *testing.B) {
			stored := identity.NewSecret(vector(name))
			b.ReportAllocs()
			for b.Loop() {
				if err := password.CheckHash(stored); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
