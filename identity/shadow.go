package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

var errAddressTaken = &Error{
	Code: CodeUnauthorized, Reason: "backend_identity_exists", Message: "Identity with email already exists",
}

// shadow returns the backend's id for a new identity, "" if there is none yet:
// the backend wants none, or does not answer and is asked again before an actor
// is made.
func (s *Service) shadow(ctx context.Context, actorType string, p ProviderIdentity) (string, error) {
	if s.backend == nil {
		return "", nil
	}
	id, err := s.shadowFor(ctx, actorType, "", p)
	if CodeOf(err) == CodeUnavailable {
		s.backend.Logger.WarnContext(ctx, "backend has no shadow of a new identity yet",
			slog.String("reason", ReasonOf(err)), slog.Any("error", err))
		return "", nil
	}
	return id, err
}

// shadowFor returns the backend's id for the identity with that id, "" for a new
// one, of which p is the entry.
func (s *Service) shadowFor(ctx context.Context, actorType, id string, p ProviderIdentity) (string, error) {
	account, err := s.backend.Backend.Shadow(ctx, actorType, p)
	if errors.Is(err, ErrExists) {
		return "", errAddressTaken // not wrapped: it is not the store's answer
	}
	if err != nil {
		return "", fmt.Errorf("making a shadow: %w", err)
	}
	if len(account.AppMetadata) == 0 {
		return account.ID, nil
	}
	// It is somebody at the backend already. Whoever registers an address has not
	// proven that it is theirs; a third party's word counts, unless another
	// identity is that somebody, from which this entry was removed.
	if p.Provider == EmailPass {
		return "", errAddressTaken
	}
	holder, err := s.holder(ctx, id, account)
	if err != nil {
		return "", fmt.Errorf("making a shadow: %w", err)
	}
	if holder != nil {
		return "", errAddressTaken
	}
	return account.ID, nil
}

// holder returns an identity other than the one with that id that acts as one of
// the account's actors; nil if there is none.
func (s *Service) holder(ctx context.Context, id string, account Account) (*Identity, error) {
	linked := Identity{AppMetadata: account.AppMetadata}
	for _, actorType := range account.AppMetadata.actors() {
		actorID := linked.ActorID(actorType)
		if actorID == "" {
			continue
		}
		i, err := s.Store.ByActor(ctx, actorType, actorID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil || i.ID != id {
			return i, err
		}
	}
	return nil, nil
}

// Prepare sees to it that the backend knows the identity, before a request that
// makes an actor of it, and returns the backend's id for it; "" if it wants
// none. An actor that was made before and whose answer got lost is linked.
func (s *Service) Prepare(ctx context.Context, c Claims) (string, error) {
	if s.backend == nil {
		return "", nil
	}
	i, err := s.Store.Identity(ctx, c.IdentityID)
	if errors.Is(err, ErrNotFound) {
		return "", &Error{Code: CodeUnauthorized, Reason: "identity_gone", Err: err}
	}
	if err != nil {
		return "", fmt.Errorf("preparing an actor: %w", err)
	}
	return s.prepare(ctx, i, c)
}

func (s *Service) prepare(ctx context.Context, i *Identity, c Claims) (string, error) {
	if i.BackendID != "" {
		_, err := s.findActor(ctx, i, c)
		if err == nil {
			return i.BackendID, nil
		}
		if !errors.Is(err, ErrNotFound) {
			return "", err
		}
		s.backend.Logger.WarnContext(ctx, "backend has lost the shadow of an identity; making another",
			slog.String("reason", "shadow_gone"), slog.String("auth_identity_id", i.ID))
	}
	id, err := s.shadowFor(ctx, c.ActorType, i.ID, i.shadowed())
	if err != nil || id == "" || id == i.BackendID {
		return id, err
	}
	if err := s.Store.SetBackend(ctx, i.ID, i.BackendID, id); err != nil {
		if errors.Is(err, ErrStale) { // a request beside this one was quicker; it had the same answer
			err = Unavailable("shadow_contended", err)
		}
		return "", fmt.Errorf("recording a shadow: %w", err)
	}
	s.Revoked(i.ID) // what is cached of the identity names no shadow
	i.BackendID = id
	return id, nil
}

// findActor asks the backend for the actor of the identity and records it. It
// returns the actor's id, "" for none. ErrNotFound: the backend does not know
// the identity.
func (s *Service) findActor(ctx context.Context, i *Identity, c Claims) (string, error) {
	c.IdentityID = i.BackendID
	actorID, err := s.backend.Backend.Actor(ctx, c)
	if err != nil {
		return "", fmt.Errorf("asking the backend for an actor: %w", err)
	}
	if actorID == "" {
		return "", nil
	}
	if err := s.Link(ctx, i.ID, c.ActorType, actorID); err != nil {
		return "", err
	}
	s.backend.Logger.InfoContext(ctx, "actor linked that the backend had made before",
		slog.String("auth_identity_id", i.ID), slog.String("actor_type", c.ActorType))
	return actorID, nil
}

// adopt returns the identity with the actor that the backend made for it and
// nobody heard of, or as it is. It is no part of a login's success: without the
// backend one is logged in without actor.
func (s *Service) adopt(ctx context.Context, i *Identity, actorType, provider string, begun time.Time) *Identity {
	if s.backend == nil || i.BackendID == "" || i.ActorID(actorType) != "" {
		return i
	}
	actorID, err := s.findActor(ctx, i, s.claims(i, actorType, provider, begun))
	if err == nil && actorID != "" {
		var linked *Identity
		if linked, err = s.Store.Identity(ctx, i.ID); err == nil {
			// A revocation that came meanwhile ends what began before it.
			linked.ValidFrom = i.ValidFrom
			return linked
		}
	}
	if err != nil {
		s.backend.Logger.WarnContext(ctx, "nobody knows whether the backend has an actor",
			slog.String("reason", ReasonOf(err)), slog.String("auth_identity_id", i.ID), slog.Any("error", err))
	}
	return i
}
