package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// AddProvider implements identity.Store. The same key again changes nothing of
// the entry. What cannot be stored at all is CodeInternal, as with Create.
func (s *Store) AddProvider(ctx context.Context, id string, p identity.ProviderIdentity, validFrom time.Time) error {
	value, err := encodeProvider(p)
	if err == nil && p.Provider == "" {
		err = errors.New("no provider")
	}
	if err != nil {
		return invalid(fmt.Errorf("adding a provider: %w", err))
	}
	if !validID(id) {
		return identity.ErrNotFound
	}
	return s.durably(ctx, "adding a provider", func(ctx context.Context) error {
		for range maxTries {
			r, err := s.settled(ctx, id)
			if err != nil {
				return err
			}
			if r == nil {
				return identity.ErrNotFound
			}
			if r.ValidFrom.After(validFrom) {
				return identity.ErrStale
			}
			if other, being := r.additions[p.Provider]; being {
				o, err := s.settleAddition(ctx, r, other, 0)
				if err != nil {
					return err
				}
				if o == taken && other.entry.Key == p.Key {
					return identity.ErrExists
				}
			}
			if has, ok := r.Providers[p.Provider]; ok {
				if has.Key == p.Key {
					return nil
				}
				return identity.ErrLinked
			}
			a, err := newAddition(p, value, validFrom)
			if err != nil {
				return err
			}
			noted, err := s.askBool(ctx, addNoteScript, []string{s.keys.identity(id)},
				r.claim, prefixProvider+p.Provider, prefixAddition+p.Provider, a.note, a.validFrom)
			if err != nil {
				return err
			}
			if noted {
				return s.finishAddition(ctx, r, a)
			}
		}
		return errContended
	})
}

// finishAddition settles an addition that is noted, and says what became of it.
func (s *Store) finishAddition(ctx context.Context, r *record, a addition) error {
	o, err := s.settleAddition(ctx, r, a, 0)
	if err != nil || o == stored {
		return err
	}
	now, err := s.load(ctx, r.ID)
	switch {
	case err != nil:
		return err
	case now == nil:
		return identity.ErrNotFound
	case now.ValidFrom.Unix() > a.validFrom:
		return identity.ErrStale
	case o == taken:
		return identity.ErrExists
	}
	// Not once more: it may have been completed and removed, and must stay so.
	return identity.Unavailable("store_unconfirmed", errors.New("the addition was gone before it was complete"))
}

// RemoveProvider implements identity.Store.
func (s *Store) RemoveProvider(ctx context.Context, id, provider string, validFrom time.Time) error {
	if !validID(id) {
		return identity.ErrNotFound
	}
	return s.durably(ctx, "removing a provider", func(ctx context.Context) error {
		r, err := s.settled(ctx, id)
		if err != nil {
			return err
		}
		if r == nil {
			return identity.ErrNotFound
		}
		if being, ok := r.additions[provider]; ok { // else it might come after it was said to be gone
			if _, err := s.settleAddition(ctx, r, being, 0); err != nil {
				return err
			}
		}
		p, has := r.Providers[provider]
		if !has {
			return identity.ErrNotFound
		}
		reply, err := s.ask(ctx, 2, removeProviderScript, []string{s.keys.identity(id), s.keys.reset(id, provider)},
			prefixProvider+provider, prefixClaim+provider, seconds(validFrom), s.now())
		switch {
		case err != nil:
			return err
		case reply == 0:
			return identity.ErrNotFound
		case reply == 2:
			return identity.ErrLast
		}
		// It is done; an index key that leads nowhere is deleted by whoever meets it.
		_ = s.release(ctx, r.holderOf(provider), s.keys.entity(provider, p.Key))
		return nil
	})
}
