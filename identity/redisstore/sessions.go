package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// LoadSession returns the record of a session, or identity.ErrNotFound.
func (s *Store) LoadSession(ctx context.Context, sid string) ([]byte, error) {
	var record []byte
	err := s.do(ctx, "reading a session", func(ctx context.Context) (err error) {
		record, err = s.client.Get(ctx, s.keys.session(sid)).Bytes()
		if errors.Is(err, redis.Nil) {
			return identity.ErrNotFound
		}
		return err
	})
	return record, err
}

// SaveSession writes the record of a session for that long, at least a millisecond.
func (s *Store) SaveSession(ctx context.Context, sid string, record []byte, ttl time.Duration) error {
	if err := checkTTL(ttl); err != nil {
		return err
	}
	return s.durably(ctx, "writing a session", func(ctx context.Context) error {
		return isOK(s.client.Set(ctx, s.keys.session(sid), record, ttl).Result())
	})
}

// ReplaceSession writes the record of a session in place of old, for that long,
// at least a millisecond: what was deleted meanwhile does not come back, and what
// was changed is not changed back. identity.ErrNotFound if there is none,
// identity.ErrStale if it is another one.
func (s *Store) ReplaceSession(ctx context.Context, sid string, old, record []byte, ttl time.Duration) error {
	if err := checkTTL(ttl); err != nil {
		return err
	}
	return s.do(ctx, "replacing a session", func(ctx context.Context) error {
		return s.askStale(ctx, replaceSessionScript, []string{s.keys.session(sid)}, old, record, ttl.Milliseconds())
	})
}

// DeleteSession removes a session, or returns identity.ErrNotFound if there is
// none: of several callers one alone removed it.
func (s *Store) DeleteSession(ctx context.Context, sid string) error {
	return s.durably(ctx, "deleting a session", func(ctx context.Context) error {
		removed, err := s.client.Del(ctx, s.keys.session(sid)).Result()
		if err == nil && removed == 0 {
			return identity.ErrNotFound
		}
		return err
	})
}

func isOK(reply string, err error) error {
	if err == nil && reply != "OK" {
		return unexpected(reply)
	}
	return err
}

// checkTTL refuses what Redis would take for: without end.
func checkTTL(ttl time.Duration) error {
	if ttl < time.Millisecond {
		return invalid(fmt.Errorf("a time to live of %v", ttl))
	}
	return nil
}
