package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// MarkRecent remembers for that long, at least a millisecond, that somebody
// logged in at that time and got the credential, of which only the hash is
// stored. Milliseconds count.
func (s *Store) MarkRecent(ctx context.Context, credential string, at time.Time, ttl time.Duration) error {
	if err := checkTTL(ttl); err != nil {
		return err
	}
	if credential == "" || at.UnixMilli() <= 0 || at.UnixMilli() > maxMilli {
		return invalid(errors.New("marking a log-in: want a credential and a time"))
	}
	return s.do(ctx, "marking a log-in", func(ctx context.Context) error {
		return isOK(s.client.Set(ctx, s.keys.recent(credential), millis(at), ttl).Result())
	})
}

// Recent returns when somebody logged in and got the credential, or
// identity.ErrNotFound if that is not known or no longer.
func (s *Store) Recent(ctx context.Context, credential string) (at time.Time, err error) {
	err = s.do(ctx, "looking for a log-in", func(ctx context.Context) error {
		value, err := s.client.Get(ctx, s.keys.recent(credential)).Result()
		if errors.Is(err, redis.Nil) {
			return identity.ErrNotFound
		}
		if err != nil {
			return err
		}
		if at, err = decodeMillis(value); err == nil && at.IsZero() {
			err = errors.New("a log-in without a time")
		}
		if err != nil {
			return corrupt(err)
		}
		return nil
	})
	return at, err
}
