package redisstore

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Lock implements identity.Locker. It is a lock against work that is done twice,
// not against its effects: a process that stands still for longer than ttl may
// find that another has the lock.
func (s *Store) Lock(ctx context.Context, name string, ttl time.Duration) (release func(), err error) {
	if err := checkTTL(ttl); err != nil {
		return nil, err
	}
	key, holder := s.keys.lock(name), rand.Text()
	err = s.do(ctx, "taking a lock", func(ctx context.Context) error {
		taken, err := s.client.SetNX(ctx, key, holder, ttl).Result()
		if err != nil {
			return err
		}
		if taken {
			return nil
		}
		// The client repeats a command whose reply got lost: it may be ours.
		has, err := s.client.Get(ctx, key).Result()
		if err == nil && has == holder {
			return nil
		}
		return identity.ErrExists
	})
	if err != nil {
		return nil, err
	}
	return func() {
		// Whoever held it may have lost his client; what fails here ends by itself.
		_ = s.do(context.WithoutCancel(ctx), "giving a lock back", func(ctx context.Context) error {
			return s.release(ctx, holder, key)
		})
	}, nil
}
