package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Revoke implements identity.Store.
func (s *Store) Revoke(ctx context.Context, id string, validFrom time.Time) error {
	return s.raise(ctx, revokeScript, id, validFrom)
}

// RevokeOthers implements identity.Store.
func (s *Store) RevokeOthers(ctx context.Context, id string, kept time.Time) error {
	return s.raise(ctx, revokeOthersScript, id, kept)
}

func (s *Store) raise(ctx context.Context, script *redis.Script, id string, validFrom time.Time) error {
	if !validID(id) {
		return identity.ErrNotFound
	}
	return s.durably(ctx, "revoking credentials", func(ctx context.Context) error {
		return s.askStale(ctx, script, []string{s.keys.identity(id)}, seconds(validFrom), s.now())
	})
}

// Keep implements identity.Store. The time is in the field `kept` of the record,
// which every script that raises valid_from goes beyond.
func (s *Store) Keep(ctx context.Context, id string, earliest, validFrom time.Time) (kept time.Time, err error) {
	if !validID(id) {
		return time.Time{}, identity.ErrNotFound
	}
	latest := earliest.Add(identity.MaxKeepAhead)
	err = s.durably(ctx, "choosing a time to keep credentials", func(ctx context.Context) error {
		chosen, err := s.ask(ctx, maxMilli/1000, keepScript, []string{s.keys.identity(id)}, seconds(earliest), seconds(validFrom), seconds(latest))
		switch {
		case err != nil:
			return err
		case chosen == 0:
			return identity.ErrNotFound
		case chosen == 1:
			return identity.ErrStale
		case int64(chosen) < earliest.Unix():
			return unexpected(chosen)
		case int64(chosen) > latest.Unix():
			return identity.KeepLimited(time.Unix(int64(chosen), 0).Sub(time.Unix(latest.Unix(), 0)))
		}
		kept = time.Unix(int64(chosen), 0).UTC()
		return nil
	})
	return kept, err
}
