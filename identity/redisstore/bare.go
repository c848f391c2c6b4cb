package redisstore

import (
	"context"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// DeleteBare implements identity.Store.
func (s *Store) DeleteBare(ctx context.Context, id, provider string) error {
	if !validID(id) {
		return identity.ErrNotFound
	}
	return s.durably(ctx, "deleting an identity without actor", func(ctx context.Context) error {
		for range maxTries {
			r, err := s.settled(ctx, id)
			if err != nil {
				return err
			}
			if r == nil {
				return identity.ErrNotFound
			}
			for _, a := range r.additions { // else it might turn out to have been somebody
				if _, err := s.settleAddition(ctx, r, a, 0); err != nil {
					return err
				}
			}
			reply, err := s.ask(ctx, 3, deleteBareScript, []string{s.keys.identity(id), s.keys.reset(id, provider), s.keys.list(id)},
				r.claim, prefixProvider+provider)
			switch {
			case err != nil:
				return err
			case reply == 0:
				return identity.ErrNotFound
			case reply == 2:
				return identity.ErrLinked
			case reply == 3:
				continue
			}
			// It is done; an index key that leads nowhere is deleted by whoever meets it.
			_ = s.release(ctx, r.holderOf(provider), s.keys.entity(provider, r.Providers[provider].Key))
			return nil
		}
		return errContended
	})
}
