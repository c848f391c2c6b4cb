package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// FinishReset implements identity.Store.
func (s *Store) FinishReset(ctx context.Context, id, hash string, next identity.ProviderIdentity, validFrom time.Time, drop func(identity.ProviderIdentity) bool) error {
	value, err := encodeProvider(next)
	if err != nil {
		return invalid(fmt.Errorf("finishing a reset: %w", err))
	}
	if !validID(id) || !validHash(hash) {
		return identity.ErrNotFound
	}
	return s.durably(ctx, "finishing a reset", func(ctx context.Context) error {
		keys := []string{s.keys.identity(id), s.keys.reset(id, next.Provider)}
		args := []any{hash, s.now(), prefixProvider + next.Provider, value, seconds(validFrom)}
		if drop == nil {
			return wasOpen(s.askBool(ctx, finishResetScript, keys, args...))
		}
		for range maxTries {
			r, err := s.settled(ctx, id)
			if err != nil {
				return err
			}
			if r == nil {
				return identity.ErrNotFound
			}
			keys, args, dropped := keys, append(args, r.revision), []string{} // of this attempt
			for provider, p := range r.Providers {
				if provider != next.Provider && drop(p) {
					dropped = append(dropped, provider)
					keys = append(keys, s.keys.reset(id, provider))
					args = append(args, prefixProvider+provider, prefixClaim+provider)
				}
			}
			reply, err := s.ask(ctx, 2, finishResetScript, keys, args...)
			switch {
			case err != nil:
				return err
			case reply == 2: // they are others by now
				continue
			case reply == 0:
				return identity.ErrNotFound
			}
			s.releaseDropped(ctx, r, dropped)
			return nil
		}
		return errContended
	})
}

// releaseDropped frees the index keys of what a record lost. One that is left,
// which leads nowhere, is deleted by whoever meets it.
func (s *Store) releaseDropped(ctx context.Context, r *record, providers []string) {
	for _, provider := range providers {
		_ = s.release(ctx, r.holderOf(provider), s.keys.entity(provider, r.Providers[provider].Key))
	}
	for provider, a := range r.additions {
		_ = s.release(ctx, r.holderBy(a), s.keys.entity(provider, a.entry.Key))
	}
}
