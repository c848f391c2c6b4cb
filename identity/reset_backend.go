package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// PassReset hands a reset request to the backend, whose own subscribers tell
// the person. It may be called any number of times for the same request.
func (s *Service) PassReset(ctx context.Context, r ResetRequest) error {
	if s.legacy != nil {
		return s.passPersonReset(ctx, r)
	}
	p, ok := s.providers[r.Provider].(CredentialUpdater)
	if s.backend == nil || r.Provider != EmailPass || !ok {
		return nil
	}
	i, err := s.Store.Find(ctx, r.Provider, p.Keys(r.Identifier)...)
	switch {
	case errors.Is(err, ErrNotFound): // perhaps an account that has not moved over
		if !s.backend.Mirror && !s.backend.Migrate {
			return nil
		}
		return s.backend.Backend.RequestReset(ctx, r.ActorType, r.Identifier, r.Metadata)
	case err != nil:
		return fmt.Errorf("looking for the identity of a reset: %w", err)
	case !s.backend.Mirror:
		return nil
	}
	if !i.resets(r.ActorType) {
		return nil
	}
	if i.BackendID == "" {
		c := s.claims(i, r.ActorType, r.Provider, s.Clock())
		if _, err := s.prepare(ctx, i, c); err != nil && !errors.Is(err, errAddressTaken) {
			return err
		}
	}
	// The backend compares addresses byte by byte.
	return s.backend.Backend.RequestReset(ctx, r.ActorType, i.Providers[r.Provider].EntityID, r.Metadata)
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
	entry := ProviderIdentity{Provider: provider, EntityID: c.EntityID, Key: keys[len(keys)-1]}
	i, err := s.Store.Find(ctx, provider, keys...)
	switch {
	case err == nil:
		if entry = i.Providers[provider]; entry.EntityID != c.EntityID || !i.resets(actorType) {
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
	if err := invalidIfGone(s.backend.Backend.UseReset(ctx, actorType, token, entry)); err != nil {
		return err
	}
	if i == nil {
		account, err := s.backend.Backend.Account(ctx, actorType, entry)
		if err != nil {
			return fmt.Errorf("looking for the account of a reset: %w", err)
		}
		if known := (&Identity{AppMetadata: account.AppMetadata}); !known.resets(actorType) {
			return errInvalidToken
		}
		_, err = s.createAccount(ctx, account, entry, s.nextValidFrom(time.Time{}))
		if !errors.Is(err, ErrExists) {
			return err
		}
		// A login beside this one moved it over.
		if i, err = s.Store.Find(ctx, provider, keys...); err != nil {
			return fmt.Errorf("looking for the identity of a reset token: %w", err)
		}
	}
	if err := s.finishByBackend(ctx, i, entry, c.ID); err != nil {
		return err
	}
	if err := s.join(ctx, i, actorType, entry); err != nil {
		s.backend.Logger.WarnContext(ctx, "identity was not compared with the account of the backend",
			slog.String("reason", ReasonOf(err)), slog.String("auth_identity_id", i.ID), slog.Any("error", err))
	}
	return nil
}

// finishByBackend stores the credential and ends what was issued before.
func (s *Service) finishByBackend(ctx context.Context, i *Identity, next ProviderIdentity, jti string) error {
	now := s.Clock()
	// Of another form than our own tokens' hashes: nothing but this call may use it.
	hash := resetHash("backend\x00" + jti)
	err := s.Store.OpenReset(ctx, i.ID, next.Provider, Reset{Hash: hash, AskedAt: now, ExpiresAt: now.Add(s.ResetTTL)})
	if err == nil {
		err = s.Store.FinishReset(ctx, i.ID, hash, next, s.nextValidFrom(i.ValidFrom))
	}
	if err != nil {
		return fmt.Errorf("storing the credential after a reset by the backend: %w", err)
	}
	s.Revoked(i.ID)
	return nil
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
	if err := s.Store.SetBackend(ctx, i.ID, i.BackendID, account.ID); err != nil {
		return fmt.Errorf("recording a shadow: %w", err)
	}
	linked := Identity{AppMetadata: account.AppMetadata}
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
