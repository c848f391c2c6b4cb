package identity

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// stillThere asks whether the person who wanted another provider is the one who
// comes back.
func (s *Service) stillThere(ctx context.Context, a Attempt, in Input) error {
	refused := &Error{Code: CodeUnauthorized, Reason: "link_other_person", Message: "Log in again to link an account"}
	if in.Person == nil {
		return refused
	}
	id, err := in.Person(ctx)
	switch {
	case CodeOf(err) == CodeUnavailable:
		return err
	case err != nil:
		refused.Err = err
		return refused
	case id != a.LinkTo:
		return refused
	}
	return nil
}

// attach gives the identity another provider.
func (s *Service) attach(ctx context.Context, a Attempt, p ProviderIdentity) (*Identity, error) {
	err := s.addProvider(ctx, a, p)
	switch {
	case errors.Is(err, ErrExists): // not wrapped: it is an answer, not a failure
		return nil, &Error{
			Code: CodeNotAllowed, Reason: "provider_taken",
			Message: fmt.Sprintf("The %s account belongs to another identity", p.Provider),
		}
	case errors.Is(err, ErrLinked):
		return nil, &Error{
			Code: CodeNotAllowed, Reason: "provider_linked",
			Message: fmt.Sprintf("Another %s account is linked already", p.Provider),
		}
	case errors.Is(err, ErrNotFound):
		return nil, &Error{Code: CodeUnauthorized, Reason: "identity_gone", Err: err}
	case err != nil:
		return nil, fmt.Errorf("linking a provider: %w", err)
	}
	i, err := s.Store.Identity(ctx, a.LinkTo)
	if errors.Is(err, ErrNotFound) {
		return nil, &Error{Code: CodeUnauthorized, Reason: "identity_gone", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("linking a provider: %w", err)
	}
	return i, nil
}

// RemoveProvider takes a provider away from the identity of c and ends all its
// credentials. Another provider must remain by which people of that actor type
// may log in. It returns claims for a new token, or none if c itself came by
// that provider.
func (s *Service) RemoveProvider(ctx context.Context, c Claims, provider string) (*Claims, error) {
	i, err := s.Store.Identity(ctx, c.IdentityID)
	if errors.Is(err, ErrNotFound) {
		return nil, &Error{Code: CodeUnauthorized, Reason: "identity_gone", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("removing a provider: %w", err)
	}
	missing := &Error{Code: CodeNotFound, Reason: "provider_not_linked", Message: fmt.Sprintf("No %s account is linked", provider)}
	if _, has := i.Providers[provider]; !has {
		return nil, missing
	}
	last := &Error{Code: CodeNotAllowed, Reason: "provider_last", Message: "The last way to log in cannot be removed"}
	if !s.remains(i, c.ActorType, provider) {
		return nil, last
	}
	if s.backend != nil && !i.HasActor() {
		// Its shadow, which is derived from the entry, is nobody's yet: whoever gets
		// the key of the entry next would get it too.
		return nil, &Error{
			Code: CodeNotAllowed, Reason: "provider_of_nobody",
			Message: "Complete the registration before removing a way to log in",
		}
	}
	validFrom := s.nextValidFrom(i.ValidFrom)
	err = s.Store.RemoveProvider(ctx, i.ID, provider, validFrom)
	switch {
	case errors.Is(err, ErrLast):
		return nil, last
	case errors.Is(err, ErrNotFound):
		return nil, missing
	case err != nil:
		return nil, fmt.Errorf("removing a provider: %w", err)
	}
	s.Revoked(i.ID)
	if c.Provider == provider {
		return nil, nil
	}
	i.ValidFrom = validFrom
	fresh := s.claims(i, c.ActorType, c.Provider, time.Time{})
	fresh.ActorID = i.ActorID(c.ActorType)
	return &fresh, nil
}

// remains reports whether people of the actor type could still log in to the
// identity without the provider.
func (s *Service) remains(i *Identity, actorType, without string) bool {
	for id := range i.Providers {
		if id == without || s.allow(actorType, id) != nil {
			continue
		}
		if _, configured := s.providers[id]; configured {
			return true
		}
	}
	return false
}
