package identity

import (
	"context"
	"slices"
)

// finishReset stores the new credential of somebody who reads the mails to the
// entry's address, which is proven by that. Who registered it had proven nothing:
// what they linked goes with their password the first time, unless a third party
// says that it belongs to the same address (attack D10).
func (s *Service) finishReset(ctx context.Context, i *Identity, p CredentialUpdater, hash string, next ProviderIdentity) error {
	drop := unproven(i, p, next)
	next.VerifiedEmail = next.EntityID
	err := s.Store.FinishReset(ctx, i.ID, hash, next, s.nextValidFrom(i.ValidFrom), drop)
	s.ended(i.ID, err)
	if err := invalidIfGone(err); err != nil {
		return err
	}
	s.forgive(ctx, next.Provider, next.Key)
	return nil
}

// unproven returns which of the identity's other provider identities go with its
// old password when next comes in place of it; nil for none.
func unproven(i *Identity, p CredentialUpdater, next ProviderIdentity) func(ProviderIdentity) bool {
	if i.Providers[next.Provider].VerifiedEmail != "" {
		return nil
	}
	return func(other ProviderIdentity) bool { return !slices.Contains(p.Keys(other.VerifiedEmail), next.Key) }
}
