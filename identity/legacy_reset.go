package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ResetPassword sets a new password by the older dialect, whose request names the
// address beside the token; "" where it does not. The token is one of ours or, for
// an account that has not moved over, one of the backend's own. It returns claims
// of the person whose password it was. The reason of a refusal is actor_missing if
// they are nobody of that type: then the password stays.
func (s *Service) ResetPassword(ctx context.Context, actorType, address, token string, in Input) (Claims, error) {
	p, err := s.provider(actorType, EmailPass)
	if err != nil {
		return Claims{}, err
	}
	u, ok := p.(CredentialUpdater)
	if !ok {
		return Claims{}, errInvalidToken
	}
	begun := s.Clock()
	c, err := s.Tokens.ParseReset(token)
	if err != nil {
		if s.legacy == nil || !s.legacy.Migrate || address == "" || !legacyActor(actorType) {
			return Claims{}, &Error{Code: CodeUnauthorized, Reason: ReasonOf(err), Message: errInvalidToken.Message, Err: err}
		}
		i, err := s.resetPerson(ctx, u, actorType, address, token, in)
		if err != nil {
			return Claims{}, err
		}
		return s.acting(i, actorType, begun), nil
	}
	if address != "" && !sameKey(u, address, c.EntityID) {
		return Claims{}, errInvalidToken
	}
	enrols := func(i *Identity) bool { return actorType == Customer && !i.HasActor() }
	reset, err := s.update(ctx, actorType, EmailPass, token, in, func(i *Identity) error {
		if i.ActorID(actorType) == "" && !enrols(i) { // nobody on this side of the shop
			return &Error{Code: CodeUnauthorized, Reason: "actor_missing"}
		}
		return nil
	})
	if err != nil {
		return Claims{}, err
	}
	i, err := s.Current(ctx, reset) // the password may be another one by now
	if err != nil {
		return Claims{}, fmt.Errorf("after a reset: %w", err)
	}
	if enrols(i) {
		if _, err := s.enrol(ctx, i, nil); err != nil {
			return Claims{}, fmt.Errorf("after a reset: %w", err)
		}
	}
	return s.acting(i, actorType, begun), nil
}

// sameKey reports whether two addresses are spellings of one.
func sameKey(u CredentialUpdater, a, b string) bool {
	keys, others := u.Keys(a), u.Keys(b)
	return len(keys) > 0 && len(others) > 0 && keys[len(keys)-1] == others[len(others)-1]
}

// resetPerson sets the password of an account that has not moved over, for the
// holder of a reset token of the backend's own. It moves over by that. An attempt
// counts like one to log in, whether or not the address is known.
func (s *Service) resetPerson(ctx context.Context, u CredentialUpdater, actorType, address, token string, in Input) (*Identity, error) {
	g := &guess{Service: s}
	if p, ok := u.(Guessable); ok {
		var err error
		if g, err = s.guessOf(ctx, EmailPass, p, address, in); err != nil {
			return nil, err
		}
	}
	if g.backend != nil {
		return nil, g.backend
	}
	i, err := s.resetAtBackend(ctx, u, actorType, address, token, in)
	if err = g.end(ctx, err); err != nil {
		return nil, err
	}
	s.forgive(ctx, EmailPass, i.Providers[EmailPass].Key)
	return i, nil
}

// resetAtBackend is resetPerson once the attempt is counted.
func (s *Service) resetAtBackend(ctx context.Context, u CredentialUpdater, actorType, address, token string, in Input) (*Identity, error) {
	keys := u.Keys(address)
	if len(keys) == 0 {
		return nil, errInvalidToken
	}
	_, err := s.Store.Find(ctx, EmailPass, keys...)
	if err == nil { // what resets it is a token of ours
		return nil, errInvalidToken
	}
	if !errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("looking for the identity of a reset token: %w", err)
	}
	// Hashing costs much, and so does a question to the backend: what is forged must
	// not get that far for long.
	err = s.legacy.Legacy.CheckReset(actorType, token)
	if errors.Is(err, ErrNotFound) {
		return nil, errInvalidToken
	}
	if err != nil {
		return nil, fmt.Errorf("checking a reset token of the backend: %w", err)
	}
	entry := ProviderIdentity{Provider: EmailPass, EntityID: address, Key: keys[len(keys)-1]}
	in.ActorType = actorType
	entry.Credential, err = u.NewCredential(ctx, in) // before the token is used up, for it may fail
	if errors.Is(err, ErrNoCredential) {
		return nil, &Error{Code: CodeInvalid, Reason: "reset_without_password", Message: "password should not be empty", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("making the new credential: %w", err)
	}
	if err := s.userFirst(ctx, actorType, address, ""); err != nil {
		return nil, err
	}
	person, err := s.legacy.Legacy.UseReset(ctx, actorType, token, entry)
	if errors.Is(err, ErrNotFound) {
		return nil, errInvalidToken
	}
	if err != nil {
		return nil, fmt.Errorf("resetting a password at the backend: %w", err)
	}
	i, err := s.createPerson(ctx, actorType, person, entry, s.nextValidFrom(time.Time{}))
	if errors.Is(err, ErrExists) { // a login beside this one moved it over
		return nil, errInvalidToken
	}
	return i, err
}

// passPersonReset lets a Legacy backend tell those of its accounts that have not
// moved over.
func (s *Service) passPersonReset(ctx context.Context, r ResetRequest) error {
	u, ok := s.providers[r.Provider].(CredentialUpdater)
	if !ok || r.Provider != EmailPass || !s.legacy.Migrate || !legacyActor(r.ActorType) {
		return nil
	}
	_, err := s.find(ctx, EmailPass, u, r.Identifier)
	if err == nil { // our own mail has a pause of its own
		return nil
	}
	if !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("looking for the identity of a reset: %w", err)
	}
	keys := u.Keys(r.Identifier)
	if !s.legacy.mails.begin(r.ActorType+"\x00"+strings.ToLower(keys[len(keys)-1]), r) { // the backend knows no case
		return nil
	}
	return once(ctx, s.legacy.Logger, s.legacy.Legacy.RequestReset(ctx, r.ActorType, r.Identifier))
}
