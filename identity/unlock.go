package identity

import (
	"context"
	"errors"
	"fmt"
)

// Unlock forgets the guesses at an identity, whoever made them and from wherever:
// it can be logged in to again, without delay. It returns how many limits were in
// use. ErrNotFound if there is no such identity.
func (s *Service) Unlock(ctx context.Context, id string) (emptied int, err error) {
	i, err := s.Store.Identity(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("unlocking an identity: %w", err)
	}
	for provider, own := range i.Providers {
		n, err := s.unlockKey(ctx, provider, own.Key)
		if emptied += n; err != nil {
			return emptied, err
		}
	}
	return emptied, nil
}

// UnlockBy is Unlock of the identity that a provider calls by that name, and
// returns its id. Guesses at a name that nobody has here (yet: a backend may have
// the account) are forgotten as well; the id is "" then. ErrNotFound if there is
// neither an identity nor a guess.
func (s *Service) UnlockBy(ctx context.Context, provider, entity string) (id string, emptied int, err error) {
	i, err := s.FindBy(ctx, provider, entity)
	if err == nil {
		emptied, err = s.Unlock(ctx, i.ID)
		return i.ID, emptied, err
	}
	if !errors.Is(err, ErrNotFound) {
		return "", 0, err
	}
	emptied, failed := s.unlockKey(ctx, provider, entity)
	if failed != nil || emptied > 0 {
		err = failed
	}
	return "", emptied, err
}

// unlockKey forgets the guesses at what a provider calls by that name.
func (s *Service) unlockKey(ctx context.Context, provider, key string) (int, error) {
	p, ok := s.providers[provider].(Guessable)
	if s.Limiter == nil || !ok {
		return 0, nil
	}
	n, err := s.Limiter.Unlock(ctx, p.Account(key))
	if err != nil {
		return n, fmt.Errorf("forgetting guesses: %w", err)
	}
	return n, nil
}
