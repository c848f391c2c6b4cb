package identity

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Current returns the identity that the claims are of, if they hold: the store is
// asked, whatever a cache knows. CodeUnauthorized if they do not.
func (s *Service) Current(ctx context.Context, c Claims) (*Identity, error) {
	// Who has yet to show a second factor is not proven.
	if c.MFAEnabled && c.MFACompleted == nil {
		return nil, &Error{Code: CodeUnauthorized, Reason: "mfa_pending"}
	}
	i, err := s.Store.Identity(ctx, c.IdentityID)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, &Error{Code: CodeUnauthorized, Reason: "identity_gone", Err: err}
	case err != nil:
		return nil, fmt.Errorf("asking whether claims hold: %w", err)
	case !i.Valid(time.Unix(c.IssuedAt, 0)):
		return nil, errRevoked
	}
	return i, nil
}

var errRevoked = &Error{Code: CodeUnauthorized, Reason: "revoked"}

// Revoke ends every credential that was issued to the identity until now.
// ErrNotFound if there is no such identity.
func (s *Service) Revoke(ctx context.Context, id string) error {
	err := s.Store.Revoke(ctx, id, s.nextValidFrom(time.Time{}))
	s.ended(id, err)
	if err != nil {
		return fmt.Errorf("revoking credentials: %w", err)
	}
	return nil
}

// RevokeOthers ends every credential that was issued to the identity of c until
// now, and returns claims in place of c, which must hold: else CodeUnauthorized.
// CodeLimited if that was done so often lately that they would run ahead of time.
// Before anything ends keep is given them, and since when claims have held until
// now, so that whoever fails or dies halfway loses nothing; again when somebody
// else who is to end keeps theirs beside it. After a failure it is not known
// whether they hold.
func (s *Service) RevokeOthers(ctx context.Context, c Claims, keep func(ctx context.Context, fresh Claims, validFrom time.Time) error) error {
	for range keepTries {
		if err := s.revokeOthers(ctx, c, keep); !errors.Is(err, ErrStale) {
			return err
		}
	}
	return Unavailable("identity_contended", errors.New("revoking other credentials: others do so all the time"))
}

// revokeOthers is RevokeOthers once: ErrStale if somebody keeps what would not end,
// or has ended c.
func (s *Service) revokeOthers(ctx context.Context, c Claims, keep func(ctx context.Context, fresh Claims, validFrom time.Time) error) error {
	i, kept, err := s.keep(ctx, c)
	if err != nil {
		return err
	}
	was := i.ValidFrom
	i.ValidFrom = kept
	fresh := s.claims(i, c.ActorType, c.Provider, time.Time{})
	fresh.ActorID, fresh.MFAEnabled, fresh.MFACompleted = i.ActorID(c.ActorType), c.MFAEnabled, c.MFACompleted
	if err := keep(ctx, fresh, was); err != nil {
		return fmt.Errorf("keeping a credential: %w", err)
	}
	err = s.Store.RevokeOthers(ctx, i.ID, kept)
	s.ended(i.ID, err)
	if errors.Is(err, ErrNotFound) {
		return errRevoked // by somebody else, meanwhile
	}
	if err != nil {
		return fmt.Errorf("revoking other credentials: %w", err)
	}
	return nil
}

// MaxKeepAhead is how far ahead of the clock claims that outlive a revocation may
// be. Each is a second later than the one before, so whoever revokes others all the
// time would otherwise get claims from the future, which expire as much later.
const MaxKeepAhead = time.Minute

// KeepLimited is the error (CodeLimited) of a Store that keeps nothing, for others
// kept theirs lately; wait is how long it will not.
func KeepLimited(wait time.Duration) error {
	return &Error{Code: CodeLimited, Reason: "keep_limited", Message: "Too many requests", RetryAfter: wait}
}

// keepTries bounds how often somebody who asks is looked at again.
const keepTries = 3

// keep returns the identity of c, which must hold, and a time for what is to
// outlive the others.
func (s *Service) keep(ctx context.Context, c Claims) (i *Identity, kept time.Time, err error) {
	for range keepTries {
		if i, err = s.Current(ctx, c); err != nil {
			return nil, time.Time{}, err
		}
		// By the clock alone: from ValidFrom there would be no end to it.
		kept, err = s.Store.Keep(ctx, i.ID, s.nextValidFrom(time.Time{}), i.ValidFrom)
		if !errors.Is(err, ErrStale) {
			break
		}
	}
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrStale):
		return nil, time.Time{}, errRevoked
	case err != nil:
		return nil, time.Time{}, fmt.Errorf("revoking other credentials: %w", err)
	}
	return i, kept, nil
}

// ended tells that credentials ended, or may have: whoever is told asks the store.
func (s *Service) ended(id string, err error) {
	if err == nil || CodeOf(err) == CodeUnavailable {
		s.Revoked(id)
	}
}

// FindBy returns the identity that a provider calls by that name: an e-mail
// address, or the id that a third party has for it. ErrNotFound if there is none.
func (s *Service) FindBy(ctx context.Context, provider, entity string) (*Identity, error) {
	keys := []string{entity}
	if p, ok := s.providers[provider].(CredentialUpdater); ok {
		keys = p.Keys(entity)
	}
	if len(keys) == 0 {
		return nil, ErrNotFound
	}
	i, err := s.Store.Find(ctx, provider, keys...)
	if err != nil {
		return nil, fmt.Errorf("finding an identity: %w", err)
	}
	return i, nil
}
