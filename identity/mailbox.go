package identity

import (
	"context"
	"slices"
	"time"
)

// finishReset stores the new credential of somebody who reads the mails to the
// entry's address, which is proven by that. Who registered it had proven nothing:
// what they linked goes with their password the first time, unless a third party
// says that it belongs to the same address (attack D10). It returns since when
// credentials hold, unless a revocation came meanwhile.
func (s *Service) finishReset(ctx context.Context, i *Identity, p CredentialUpdater, hash string, next ProviderIdentity) (validFrom time.Time, err error) {
	drop := unproven(i, p, next)
	next.VerifiedEmail = next.EntityID
	validFrom = s.nextValidFrom(i.ValidFrom)
	err = s.Store.FinishReset(ctx, i.ID, hash, next, validFrom, drop)
	s.ended(i.ID, err)
	if err := invalidIfGone(err); err != nil {
		return time.Time{}, err
	}
	s.forgive(ctx, next.Provider, next.Key)
	return validFrom, nil
}

// unproven returns which of the identity's other provider identities go with its
// old password when next comes in place of it; nil for none.
func unproven(i *Identity, p CredentialUpdater, next ProviderIdentity) func(ProviderIdentity) bool {
	if i.Providers[next.Provider].VerifiedEmail != "" {
		return nil
	}
	return func(other ProviderIdentity) bool { return !slices.Contains(p.Keys(other.VerifiedEmail), next.Key) }
}
