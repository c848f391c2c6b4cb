package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// EmailAdmitter is a Provider that may be for people of some e-mail domains alone.
type EmailAdmitter interface {
	// AdmitEmail returns why somebody of that verified address may not log in, or
	// nil.
	AdmitEmail(verified string) error
}

// CreateUser makes a user at the backend for somebody who came through the
// provider, or makes them the user who has their address there. Only an address
// that the provider verified counts, for the backend believes it. The answer is
// the backend's (reference medusa-v2, section 8).
func (s *Service) CreateUser(ctx context.Context, c Claims, provider string) (json.RawMessage, error) {
	if s.backend == nil {
		return nil, &Error{Code: CodeNotFound, Reason: "backend_missing", Message: "There is no such route"}
	}
	registered := &Error{
		Code: CodeInvalid, Reason: "user_registered", Message: "The user is already registered and cannot create a new account.",
	}
	if c.ActorID != "" {
		return nil, registered
	}
	i, err := s.Store.Identity(ctx, c.IdentityID)
	if errors.Is(err, ErrNotFound) {
		return nil, &Error{Code: CodeUnauthorized, Reason: "identity_gone", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("creating a user: %w", err)
	}
	if _, has := i.Providers[provider]; !has || len(i.Providers) != 1 || c.Provider != provider {
		return nil, &Error{
			Code: CodeUnauthorized, Reason: "provider_mismatch",
			Message: fmt.Sprintf("Only %s identities can create a user account for this authentication context", provider),
		}
	}
	address := i.Providers[provider].VerifiedEmail
	if address == "" {
		return nil, &Error{Code: CodeInvalid, Reason: "email_unverified", Message: "Email is required to create a user account."}
	}
	if p, limited := s.providers[provider].(EmailAdmitter); limited {
		// They may have come before the provider was for its domains alone.
		if err := p.AdmitEmail(address); err != nil {
			return nil, err
		}
	}
	backendID, err := s.prepare(ctx, i, c)
	if err != nil {
		return nil, err
	}
	if backendID == "" {
		return nil, Unavailable("shadow_off", errors.New("the backend knows no identity of ours"))
	}
	if i, err = s.Store.Identity(ctx, i.ID); err != nil {
		return nil, fmt.Errorf("creating a user: %w", err)
	}
	if i.ActorID(c.ActorType) != "" { // made before, and the answer got lost
		return nil, registered
	}
	c.IdentityID = backendID
	answer, actorID, err := s.backend.Backend.CreateUser(ctx, c, address)
	if err != nil {
		return nil, fmt.Errorf("creating a user: %w", err)
	}
	return answer, s.Link(ctx, i.ID, c.ActorType, actorID)
}
