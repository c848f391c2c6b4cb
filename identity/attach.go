package identity

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// linkRefused says that nobody is there who may link.
func linkRefused(err error) error {
	return &Error{Code: CodeUnauthorized, Reason: "link_other_person", Message: "Log in again to link an account", Err: err}
}

// stillThere asks whether the person who wanted another provider is the one who
// comes back. They are for as long as the identity's ValidFrom is the one that is
// returned, which was read before.
func (s *Service) stillThere(ctx context.Context, a Attempt, in Input) (validFrom time.Time, err error) {
	if in.Person == nil {
		return time.Time{}, linkRefused(nil)
	}
	i, err := s.linking(ctx, a)
	if err != nil {
		return time.Time{}, err
	}
	id, err := in.Person(ctx)
	switch CodeOf(err) {
	case "":
	case CodeUnauthorized, CodeForbidden, CodeNotFound:
		return time.Time{}, linkRefused(err)
	default: // it is unknown, which is no no
		return time.Time{}, err
	}
	if id != a.LinkTo {
		return time.Time{}, linkRefused(nil)
	}
	return i.ValidFrom, nil
}

// linking returns the identity that is to get another provider.
func (s *Service) linking(ctx context.Context, a Attempt) (*Identity, error) {
	i, err := s.Store.Identity(ctx, a.LinkTo)
	if errors.Is(err, ErrNotFound) {
		return nil, &Error{Code: CodeUnauthorized, Reason: "identity_gone", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("linking a provider: %w", err)
	}
	return i, nil
}

// attach gives the identity another provider, unless a revocation came after
// validFrom. One that comes later ends the claims that are made of what it returns.
func (s *Service) attach(ctx context.Context, a Attempt, p ProviderIdentity, validFrom time.Time) (*Identity, error) {
	err := s.addProvider(ctx, a, p, validFrom)
	switch {
	case errors.Is(err, ErrStale):
		return nil, linkRefused(err)
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
	i, err := s.linking(ctx, a)
	if err != nil {
		return nil, err
	}
	i.ValidFrom = validFrom
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
	if !i.HasActor() && (s.backend != nil || i.BackendID != "") {
		// Its shadow, which is derived from the entry, is nobody's yet: whoever gets
		// the key of the entry next would get it too, whichever site this one is.
		return nil, &Error{
			Code: CodeNotAllowed, Reason: "provider_of_nobody",
			Message: "Complete the registration before removing a way to log in",
		}
	}
	validFrom := s.nextValidFrom(i.ValidFrom)
	err = s.Store.RemoveProvider(ctx, i.ID, provider, validFrom)
	s.ended(i.ID, err)
	switch {
	case errors.Is(err, ErrLast):
		return nil, last
	case errors.Is(err, ErrNotFound):
		return nil, missing
	case err != nil:
		return nil, fmt.Errorf("removing a provider: %w", err)
	}
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
