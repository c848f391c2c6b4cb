package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// EntryFor makes the entry by which somebody with that address is to log in, once
// a Legacy backend has made their account (Entrust). It stores nothing.
func (s *Service) EntryFor(ctx context.Context, actorType, address string) (ProviderIdentity, error) {
	u, err := s.passwords(actorType)
	if err != nil {
		return ProviderIdentity{}, err
	}
	keys := u.Keys(address)
	if len(keys) == 0 {
		return ProviderIdentity{}, &Error{Code: CodeInvalid, Reason: "email_invalid", Message: "email must be an email"}
	}
	// Asked before the backend does anything: without the store it must not.
	i, err := s.Store.Find(ctx, EmailPass, keys...)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return ProviderIdentity{}, fmt.Errorf("looking for an address: %w", err)
	}
	p := ProviderIdentity{Provider: EmailPass, EntityID: strings.ToLower(address), Key: keys[len(keys)-1]}
	if err := plain(p); err != nil {
		return ProviderIdentity{}, err
	}
	if actorType == User || err == nil && i.ActorID(User) != "" || s.legacy == nil {
		return p, nil
	}
	return p, s.noUser(ctx, p)
}

// ErrAddressOfUser is the refusal of a customer account under the address of a user
// who has not moved over. Only who is a user may hear it.
var ErrAddressOfUser = &Error{
	Code: CodeNotAllowed, Reason: "address_of_user",
	Message: "A user has this email and has not logged in here yet; that comes first",
}

// noUser refuses the address of a user of the backend who has not moved over: the
// password of somebody else's account would keep them from it.
func (s *Service) noUser(ctx context.Context, p ProviderIdentity) error {
	exists, err := s.legacy.Legacy.Exists(ctx, User, p.EntityID)
	if err != nil {
		return fmt.Errorf("asking the backend for a user: %w", err)
	}
	if exists {
		return ErrAddressOfUser
	}
	return nil
}

// Entrust records the account that a Legacy backend made for p's address: who
// logs in with that password acts as that actor. ErrExists if that is recorded
// already, ErrLinked if the address has another actor of the type.
//
// An identity that has the address is taken over: until now nobody had proven it.
// Only a customer's does not get a member of staff's identity another password.
func (s *Service) Entrust(ctx context.Context, actorType, actorID string, p ProviderIdentity, password string) error {
	u, err := s.passwords(actorType)
	if err != nil {
		return err
	}
	if !legacyActor(actorType) || !validActorID(actorID) {
		return &Error{Code: CodeInvalid, Reason: "link_invalid_actor", Message: "The backend named no usable actor"}
	}
	i, err := s.Store.Find(ctx, EmailPass, p.Key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("looking for an address: %w", err)
	}
	known := err == nil
	if known {
		switch i.ActorID(actorType) {
		case "":
		case actorID:
			return ErrExists
		default:
			return ErrLinked
		}
		if actorType != User && i.ActorID(User) != "" {
			return s.Link(ctx, i.ID, actorType, actorID)
		}
		p.EntityID, p.VerifiedEmail = i.Providers[EmailPass].EntityID, i.Providers[EmailPass].VerifiedEmail
	}
	p.Credential, err = u.NewCredential(ctx, Input{ActorType: actorType, Body: map[string]any{"password": password}})
	if err != nil {
		return fmt.Errorf("making a credential: %w", err)
	}
	if known {
		if _, err := s.replace(ctx, i, p, unproven(i, u, p), nil); err != nil { // before the old one is worth more
			return err
		}
		return s.Link(ctx, i.ID, actorType, actorID)
	}
	now := s.Clock()
	p.UpdatedAt = now
	err = s.Store.Create(ctx, &Identity{
		ID: "authid_" + s.NewID(), AppMetadata: actorOf(actorType, actorID),
		Providers: map[string]ProviderIdentity{EmailPass: p}, CreatedAt: now, UpdatedAt: now,
		ValidFrom: now.Truncate(time.Second), // old tokens that name this actor stay dead
	})
	if errors.Is(err, ErrExists) { // by a request beside this one
		err = Unavailable("identity_contended", err)
	}
	if err != nil {
		return fmt.Errorf("storing an account of the backend: %w", err)
	}
	return nil
}

// Change is a password that is to become somebody's. Its zero value is none.
type Change struct {
	claims    Claims
	next      ProviderIdentity
	validFrom time.Time // of the identity when next was made
}

// OwnAddress returns the address with which the caller logs in by a password, ""
// if there is none.
func (s *Service) OwnAddress(ctx context.Context, c Claims) (string, error) {
	i, err := s.Current(ctx, c)
	if err != nil {
		return "", err
	}
	return i.Providers[EmailPass].EntityID, nil
}

// PrepareChange makes what ChangePassword stores, for claims that hold: the store is
// asked, for what a cache still believes must not outlive a reset. Somebody who is
// also a member of staff needs a reset for that: a customer's token is good for long.
func (s *Service) PrepareChange(ctx context.Context, c Claims, password string) (Change, error) {
	u, err := s.passwords(c.ActorType)
	if err != nil {
		return Change{}, err
	}
	i, err := s.Current(ctx, c)
	if err != nil {
		return Change{}, err
	}
	p, has := i.Providers[EmailPass]
	if !has || staffOfAnother(i, c) {
		return Change{}, &Error{
			Code: CodeNotAllowed, Reason: "password_by_reset", Message: "The password of this account can only be reset",
		}
	}
	p.Credential, err = u.NewCredential(ctx, Input{ActorType: c.ActorType, Body: map[string]any{"password": password}})
	if err != nil {
		return Change{}, fmt.Errorf("making a credential: %w", err)
	}
	return Change{c, p, i.ValidFrom}, nil
}

// staffOfAnother: the claims are a customer's, and the identity is a user's as well.
func staffOfAnother(i *Identity, c Claims) bool { return c.ActorType != User && i.ActorID(User) != "" }

// ChangePassword stores the password and ends everything that the identity was
// issued until now. It returns claims for something new. CodeUnavailable if
// credentials of the identity were ended since PrepareChange, or it became a
// user's: the password could be that of somebody who has lost the address.
func (s *Service) ChangePassword(ctx context.Context, change Change) (Claims, error) {
	i, err := s.caller(ctx, change.claims)
	if err != nil {
		return Claims{}, err
	}
	i.ValidFrom, err = s.replace(ctx, i, change.next, nil, func(i *Identity) bool {
		return i.ValidFrom.Equal(change.validFrom) && !staffOfAnother(i, change.claims)
	})
	if err != nil {
		return Claims{}, err
	}
	fresh := s.claims(i, change.claims.ActorType, change.claims.Provider, time.Time{})
	fresh.ActorID = i.ActorID(change.claims.ActorType)
	return fresh, nil
}

func (s *Service) caller(ctx context.Context, c Claims) (*Identity, error) {
	i, err := s.Store.Identity(ctx, c.IdentityID)
	if errors.Is(err, ErrNotFound) {
		return nil, &Error{Code: CodeUnauthorized, Reason: "identity_gone", Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("looking for a caller: %w", err)
	}
	return i, nil
}

// replace stores another credential, ends what was issued before and takes away the
// provider identities that drop names, in one step of the store: that of a reset.
// Unless still is nil, it does so only to an identity of which that holds.
func (s *Service) replace(ctx context.Context, i *Identity, next ProviderIdentity, drop func(ProviderIdentity) bool, still func(*Identity) bool) (validFrom time.Time, err error) {
	now := s.Clock()
	next.UpdatedAt, validFrom = now, s.nextValidFrom(i.ValidFrom)
	hash := resetHash("change\x00" + s.NewID())
	err = s.Store.OpenReset(ctx, i.ID, next.Provider, Reset{Hash: hash, AskedAt: now, ExpiresAt: now.Add(time.Minute)})
	if err == nil && still != nil {
		// Asked now: another password that comes later closes the reset just opened.
		err = s.recheck(ctx, i.ID, still)
	}
	if err == nil {
		err = s.Store.FinishReset(ctx, i.ID, hash, next, validFrom, drop)
		s.ended(i.ID, err)
	}
	if errors.Is(err, ErrStale) || errors.Is(err, ErrNotFound) { // by a request beside this one
		err = Unavailable("identity_contended", err)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("changing a password: %w", err)
	}
	return validFrom, nil
}

// recheck returns ErrStale if that no longer holds of what is stored.
func (s *Service) recheck(ctx context.Context, id string, still func(*Identity) bool) error {
	i, err := s.Store.Identity(ctx, id)
	if err == nil && !still(i) {
		return ErrStale
	}
	return err
}

// passwords returns the provider of passwords for people of the actor type.
func (s *Service) passwords(actorType string) (CredentialUpdater, error) {
	p, err := s.provider(actorType, EmailPass)
	if err != nil {
		return nil, err
	}
	u, ok := p.(CredentialUpdater)
	if !ok {
		return nil, &Error{Code: CodeNotAllowed, Reason: "password_unsupported", Message: "Passwords are not supported"}
	}
	return u, nil
}
