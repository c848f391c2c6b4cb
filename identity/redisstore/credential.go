package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// ReplaceCredential implements identity.Store.
func (s *Store) ReplaceCredential(ctx context.Context, id string, old, next identity.ProviderIdentity) error {
	value, err := encodeProvider(next)
	if err != nil {
		return invalid(err)
	}
	if next.Provider != old.Provider || next.Key != old.Key {
		return invalid(errors.New("replacing a credential: not the same provider and key"))
	}
	if !validID(id) {
		return identity.ErrNotFound
	}
	return s.durably(ctx, "replacing a credential", func(ctx context.Context) error {
		record, field := s.keys.identity(id), prefixProvider+old.Provider
		read, err := s.client.HGet(ctx, record, field).Result()
		if errors.Is(err, redis.Nil) {
			return identity.ErrNotFound
		}
		if err != nil {
			return err
		}
		current, err := decodeProvider(old.Provider, read)
		if err != nil {
			return err
		}
		if current.Key != old.Key || current.Credential != old.Credential {
			return identity.ErrStale
		}
		replaced, err := s.askBool(ctx, replaceScript, []string{record}, field, read, value, s.now())
		if err != nil {
			return err
		}
		if !replaced {
			return identity.ErrStale
		}
		return nil
	})
}
