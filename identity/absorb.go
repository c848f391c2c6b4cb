package identity

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxAbsorbed bounds how often somebody may come by the account that is being
// linked before the person is asked to try again.
const maxAbsorbed = 3

// addProvider gives the identity that the attempt is for the entry; errors are
// those of Store.AddProvider. Another one that has it and is nobody is absorbed:
// somebody came by the third party before, and became nothing.
func (s *Service) addProvider(ctx context.Context, a Attempt, p ProviderIdentity, validFrom time.Time) error {
	for range maxAbsorbed {
		err := s.Store.AddProvider(ctx, a.LinkTo, p, validFrom)
		if !errors.Is(err, ErrExists) {
			return err
		}
		if err := s.absorb(ctx, a, p); err != nil {
			return err
		}
	}
	return Unavailable("identity_contended", errors.New("somebody keeps coming by the account"))
}

// absorb deletes the identity that holds the entry's key, which ends its
// credentials. Nobody loses anything by it: the person is logged in as the one,
// and the third party has just vouched that they are the other. ErrExists if that
// one is somebody. Whatever fails afterwards, the key is free.
func (s *Service) absorb(ctx context.Context, a Attempt, p ProviderIdentity) error {
	owner, err := s.Store.Find(ctx, p.Provider, p.Key)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("finding who has the account: %w", err)
	case owner.ID == a.LinkTo: // by another request of the same person
		return nil
	case owner.HasActor() || len(owner.Providers) != 1:
		return ErrExists
	}
	if err := s.unheardOf(ctx, a, owner); err != nil {
		return err
	}
	err = s.Store.DeleteBare(ctx, owner.ID, p.Provider)
	switch {
	case errors.Is(err, ErrLinked): // became somebody meanwhile
		return ErrExists
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("absorbing an identity without actor: %w", err)
	}
	s.Revoked(owner.ID)
	return nil
}

// unheardOf returns ErrExists if the backend made an actor of the identity whose
// id got lost on its way, which would be nobody's afterwards.
func (s *Service) unheardOf(ctx context.Context, a Attempt, owner *Identity) error {
	if s.backend == nil || owner.BackendID == "" {
		return nil
	}
	actorID, err := s.findActor(ctx, owner, s.claims(owner, a.ActorType, a.Provider, s.Clock()))
	switch {
	case actorID != "", errors.Is(err, ErrLinked):
		return ErrExists
	case errors.Is(err, ErrNotFound): // the backend does not know it, or it is gone
		return nil
	}
	return err
}
