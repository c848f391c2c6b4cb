//go:build unix

package redisstore_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// benchmark runs f on a real server and from several goroutines.
func benchmark(b *testing.B, f func(s *redisstore.Store) error) {
	b.Helper()
	s := newStore(b, newClient(b, identitytest.StartRedis(b).URL()), nil)
	must(b, s.Create(b.Context(), someone()))
	must(b, s.SaveSession(b.Context(), someSID, make([]byte, 1000), time.Hour))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := f(s); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkState(b *testing.B) {
	benchmark(b, func(s *redisstore.Store) error { _, err := s.State(b.Context(), alice); return err })
}

func BenchmarkIdentity(b *testing.B) {
	benchmark(b, func(s *redisstore.Store) error { _, err := s.Identity(b.Context(), alice); return err })
}

func BenchmarkFind(b *testing.B) {
	for name, key := range map[string]string{"known": address, "unknown": "bob@shop.example"} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, func(s *redisstore.Store) error {
				_, err := s.Find(b.Context(), "emailpass", "ALICE@shop.example", key)
				if err == identity.ErrNotFound && name == "unknown" {
					return nil
				}
				return err
			})
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	var created atomic.Int64
	benchmark(b, func(s *redisstore.Store) error {
		n := created.Add(1)
		i, p := someone(), entry("hash")
		p.Key = fmt.Sprintf("%d@shop.example", n)
		i.ID, i.AppMetadata, i.Providers["emailpass"] = fmt.Sprintf("authid_%d", n), nil, p
		return s.Create(b.Context(), i)
	})
}

func BenchmarkLoadSession(b *testing.B) {
	benchmark(b, func(s *redisstore.Store) error { _, err := s.LoadSession(b.Context(), someSID); return err })
}
