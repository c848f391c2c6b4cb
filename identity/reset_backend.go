package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// PassReset hands a reset request to the backend, whose own subscribers tell
// the person. It may be called again for the same request when it failed.
func (s *Service) PassReset(ctx context.Context, r ResetRequest) error {
	if s.legacy != nil {
		return s.passPersonReset(ctx, r)
	}
	p, ok := s.providers[r.Provider].(CredentialUpdater)
	if s.backend == nil || r.Provider != EmailPass || !ok {
		return nil
	}
	keys := p.Keys(r.Identifier)
	i, err := s.Store.Find(ctx, r.Provider, keys...)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("looking for the identity of a reset: %w", err)
	}
	if err != nil || i.Providers[r.Provider].Key != keys[0] {
		// Perhaps an account of this very spelling that has not moved over.
		if err := s.passUnknown(ctx, r); err != nil || i == nil {
			return err
		}
	}
	if !i.resets(r.ActorType) {
		return nil
	}
	switch {
	case !s.backend.Mirror && (i.HasActor() || !s.backend.Migrate): // no shadow has the address
		return nil
	case s.backend.Mirror && i.BackendID == "":
		c := s.claims(i, r.ActorType, r.Provider, s.Clock())
		if _, err := s.prepare(ctx, i, c); err != nil && !errors.Is(err, errAddressTaken) {
			return err
		}
	}
	return s.requestReset(ctx, r, i.Providers[r.Provider].Key)
}

// passUnknown lets the backend look for an account that is unknown here.
func (s *Service) passUnknown(ctx context.Context, r ResetRequest) error {
	if !s.backend.Mirror && !s.backend.Migrate {
		return nil
	}
	return s.requestReset(ctx, r, r.Identifier)
}

// requestReset asks the backend, once.
func (s *Service) requestReset(ctx context.Context, r ResetRequest, address string) error {
	return once(ctx, s.backend.Logger, s.backend.Backend.RequestReset(ctx, r.ActorType, address, r.Metadata))
}

// once takes what may have been done for done: a link that did not come can be asked
// for again by the person, mails that come again and again cannot be stopped.
func once(ctx context.Context, logger *slog.Logger, err error) error {
	if errors.Is(err, ErrUncertain) {
		logger.WarnContext(ctx, "nobody knows whether the backend heard of a reset request; it is not repeated",
			slog.String("reason", "reset_uncertain"), slog.Any("error", err))
		return nil
	}
	return err
}

// resets reports whether the identity's password may be reset by the way of the
// actor type: nobody becomes a member of staff by the way of customers.
func (i *Identity) resets(actorType string) bool { return !i.HasActor() || i.ActorID(actorType) != "" }

// updateByBackend sets a new credential for the holder of a reset token that the
// backend minted.
func (s *Service) updateByBackend(ctx context.Context, actorType, provider, token string, in Input) error {
	c, err := s.backend.Backend.ParseReset(token)
	if err != nil {
		return &Error{Code: CodeUnauthorized, Reason: ReasonOf(err), Message: errInvalidToken.Message, Err: err}
	}
	p, ok := s.providers[provider].(CredentialUpdater)
	if !ok || provider != EmailPass || c.Provider != provider || c.ActorType != actorType {
		return errInvalidToken
	}
	keys := p.Keys(c.EntityID)
	if len(keys) == 0 {
		return errInvalidToken
	}
	// The backend tells spellings apart: the token is for the account of this one.
	exact := keys[0]
	entry := ProviderIdentity{Provider: provider, EntityID: c.EntityID, Key: exact}
	i, err := s.Store.Find(ctx, provider, exact)
	switch {
	case err == nil:
		if entry = i.Providers[provider]; !i.resets(actorType) {
			return errInvalidToken
		}
	case !errors.Is(err, ErrNotFound):
		return fmt.Errorf("looking for the identity of a reset token: %w", err)
	}
	in.ActorType = actorType
	entry.Credential, err = p.NewCredential(ctx, in) // before the token is used up, for it may fail
	if errors.Is(err, ErrNoCredential) {
		if err := invalidIfGone(s.backend.Backend.CloseReset(ctx, actorType, token)); err != nil {
			return err
		}
		return &Error{Code: CodeUnauthorized, Reason: "reset_without_password", Message: "Unauthorized", Err: err}
	}
	if err != nil {
		return fmt.Errorf("making the new credential: %w", err)
	}
	entry.UpdatedAt = s.Clock()
	// What can refuse is asked before the old password is overwritten there.
	hash := resetHash("backend\x00" + c.ID) // of another form than our own tokens' hashes
	if i != nil {
		if err := s.openByBackend(ctx, i, provider, hash); err != nil {
			return err
		}
	}
	if err := invalidIfGone(s.backend.Backend.UseReset(ctx, actorType, token, entry)); err != nil {
		return err
	}
	if i == nil {
		if i, err = s.moveByReset(ctx, actorType, entry); i == nil {
			return err
		}
		if err := s.openByBackend(ctx, i, provider, hash); err != nil {
			return err
		}
	}
	if _, err := s.finishReset(ctx, i, p, hash, entry); err != nil {
		return err
	}
	if err := s.join(ctx, i, actorType, entry); err != nil {
		s.backend.Logger.WarnContext(ctx, "identity was not joined with the account of the backend",
			slog.String("reason", ReasonOf(err)), slog.String("auth_identity_id", i.ID), slog.Any("error", err))
	}
	return nil
}

// openByBackend opens the reset that a token of the backend stands for.
func (s *Service) openByBackend(ctx context.Context, i *Identity, provider, hash string) error {
	now := s.Clock()
	err := s.Store.OpenReset(ctx, i.ID, provider, Reset{Hash: hash, AskedAt: now, ExpiresAt: now.Add(s.ResetTTL)})
	if errors.Is(err, ErrStale) { // it was used, or a later one was opened
		return errInvalidToken
	}
	return invalidIfGone(err)
}

// moveByReset moves the account over whose password at the backend was just
// replaced by that of p's shadow. It returns an identity only if there is one by
// now, whose reset has still to be finished.
func (s *Service) moveByReset(ctx context.Context, actorType string, p ProviderIdentity) (*Identity, error) {
	account, err := s.backend.Backend.Account(ctx, actorType, p)
	if errors.Is(err, ErrNotFound) { // somebody set another password meanwhile
		return nil, Unavailable("reset_contended", err)
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the account of a reset: %w", err)
	}
	known := Identity{AppMetadata: account.AppMetadata}
	refused := !known.resets(actorType)
	if refused {
		// Its password there is gone. It is kept here without one, so that another
		// mail, asked for as what it is, is all that its owner needs.
		p.Credential = Secret{}
	}
	p.VerifiedEmail = p.EntityID // as in finishReset
	_, err = s.createAccount(ctx, account, p, s.nextValidFrom(time.Time{}))
	switch {
	case err == nil && refused:
		return nil, errInvalidToken
	case !errors.Is(err, ErrExists):
		return nil, err
	}
	// A login beside this one moved it over.
	i, err := s.Store.Find(ctx, p.Provider, p.Key)
	switch {
	case errors.Is(err, ErrNotFound):
		// It is known by another address, or its owner removed the password. The token
		// is used up in any case.
		return nil, errInvalidToken
	case err != nil:
		return nil, fmt.Errorf("looking for the identity of a reset token: %w", err)
	case refused || !i.resets(actorType):
		return nil, errInvalidToken
	}
	return i, nil
}

// join makes an identity that is nobody yet the account that the backend has
// under its address: it was made while the backend was down, and its owner has
// just shown that the address is his.
func (s *Service) join(ctx context.Context, i *Identity, actorType string, p ProviderIdentity) error {
	if i.HasActor() {
		return nil
	}
	account, err := s.backend.Backend.Account(ctx, actorType, p)
	if err != nil || account.ID == i.BackendID {
		return err
	}
	linked := Identity{AppMetadata: account.AppMetadata}
	if !linked.resets(actorType) {
		return &Error{Code: CodeForbidden, Reason: "join_other_actor_type"}
	}
	if err := s.Store.SetBackend(ctx, i.ID, i.BackendID, account.ID); err != nil {
		return fmt.Errorf("recording a shadow: %w", err)
	}
	s.Revoked(i.ID) // what is cached of the identity names another shadow
	for _, actorType := range account.AppMetadata.actors() {
		if actorID := linked.ActorID(actorType); actorID != "" {
			if err := s.Link(ctx, i.ID, actorType, actorID); err != nil {
				return err
			}
		}
	}
	s.backend.Logger.InfoContext(ctx, "identity joined with the account of the backend", slog.String("auth_identity_id", i.ID))
	return nil
}
