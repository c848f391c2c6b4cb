package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Account returns the identity that the claims are of and, with a Legacy backend,
// the body of its account there, nil without one. CodeUnauthorized if the identity
// is gone, CodeNotFound if the account is.
func (s *Service) Account(ctx context.Context, c Claims) (*Identity, json.RawMessage, error) {
	i, err := s.Store.Identity(ctx, c.IdentityID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, &Error{Code: CodeUnauthorized, Reason: "identity_gone", Err: err}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("looking for an account: %w", err)
	}
	if s.legacy == nil {
		return i, nil, nil
	}
	person, err := s.person(ctx, c.ActorType, c.ActorID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, &Error{Code: CodeNotFound, Reason: "actor_gone", Message: "There is no such account", Err: err}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("looking for an account: %w", err)
	}
	return i, person.Body, nil
}

// Present returns an error with CodeUnauthorized if the claims are of a user whom a
// Legacy backend no longer has. It asks nobody there who a token is of, so one for
// a user who is gone would open all that is for users (reference medusa-v1, section
// 9). Customers who are gone find that they have nothing there.
func (s *Service) Present(ctx context.Context, c Claims) error {
	if s.legacy == nil || c.ActorType != User || c.ActorID == "" {
		return nil
	}
	_, err := s.person(ctx, c.ActorType, c.ActorID)
	if errors.Is(err, ErrNotFound) {
		return &Error{Code: CodeUnauthorized, Reason: "actor_gone", Message: "Unauthorized", Err: err}
	}
	if err != nil {
		return fmt.Errorf("looking for a user: %w", err)
	}
	return nil
}

// person returns the account of an actor at a Legacy backend. What somebody who is
// gone there has here ends with the answer: they were deleted past us, and could not
// be made anew.
func (s *Service) person(ctx context.Context, actorType, actorID string) (Person, error) {
	person, err := s.legacy.Legacy.Person(ctx, actorType, actorID)
	if !errors.Is(err, ErrNotFound) {
		return person, err
	}
	if failed := s.Unlink(ctx, actorType, actorID); failed != nil {
		return Person{}, failed
	}
	s.legacy.Logger.WarnContext(ctx, "account was deleted at the backend past the sidecar; what it had here has ended",
		slog.String("reason", "actor_gone"), slog.String("actor_type", actorType), slog.String("actor_id", actorID))
	return Person{}, err
}

// HasAccount reports whether somebody can log in with the address as that actor
// type.
func (s *Service) HasAccount(ctx context.Context, actorType, address string) (bool, error) {
	p, err := s.provider(actorType, EmailPass)
	if err != nil {
		return false, err
	}
	if err := s.limit(ctx, Subject{Client: ClientOf(ctx)}, BucketExists, BucketExistsAll); err != nil {
		return false, err
	}
	u, ok := p.(CredentialUpdater)
	if !ok {
		return false, nil
	}
	i, err := s.find(ctx, EmailPass, u, address)
	switch {
	case err == nil:
		return i.ActorID(actorType) != "" || !i.HasActor() && actorType == Customer, nil
	case !errors.Is(err, ErrNotFound):
		return false, fmt.Errorf("looking for an address: %w", err)
	case s.legacy == nil || !s.legacy.Migrate || !legacyActor(actorType):
		return false, nil
	}
	exists, err := s.legacy.Legacy.Exists(ctx, actorType, address)
	if err != nil {
		return false, fmt.Errorf("asking the backend for an address: %w", err)
	}
	return exists, nil
}

// free refuses an address with which somebody can still move over: an identity
// that is nobody yet would keep its owner out.
func (a accounts) free(ctx context.Context, p ProviderIdentity) error {
	if a.legacy == nil || a.provider != EmailPass {
		return nil
	}
	if err := plain(p); err != nil {
		return err
	}
	if !a.legacy.Migrate {
		return nil
	}
	for _, actorType := range []string{Customer, User} {
		exists, err := a.legacy.Legacy.Exists(ctx, actorType, p.EntityID)
		if err != nil {
			return fmt.Errorf("asking the backend for an address: %w", err)
		}
		if exists {
			return errAccountExists
		}
	}
	return nil
}

// plain refuses an address that a Legacy backend reads as another one than we do:
// it knows no more than the case. Whoever registered another spelling would take
// the key of somebody who has an account there.
func plain(p ProviderIdentity) error {
	if strings.ToLower(strings.TrimSpace(p.EntityID)) == p.Key {
		return nil
	}
	return &Error{Code: CodeInvalid, Reason: "email_not_plain", Message: "email must be an email"}
}

// migratePerson makes an identity of the account that the address and the password
// open at a Legacy backend, as Accounts.Migrate does.
func (a accounts) migratePerson(ctx context.Context, keys []string, address, password string, entry func() (ProviderIdentity, error)) (*Identity, error) {
	if !a.legacy.Migrate || a.provider != EmailPass || len(keys) == 0 || !legacyActor(a.actorType) {
		return nil, ErrNotFound
	}
	waiting, cancel := context.WithTimeout(ctx, migrationWait)
	defer cancel()
	end, err := a.legacy.migrations.take(waiting, keys[len(keys)-1]) // of all spellings
	if err != nil {
		return nil, Unavailable("migration_busy", err)
	}
	defer end()
	_, err = a.Find(ctx, keys...)
	if err == nil {
		return nil, ErrStale
	}
	if !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	person, err := a.legacy.Legacy.Migrate(ctx, a.actorType, address, password)
	if errors.Is(err, ErrNotFound) {
		// Another process may have moved it over meanwhile, and replaced the password.
		if _, found := a.Find(ctx, keys...); found == nil {
			return nil, ErrStale
		}
	}
	if err != nil {
		return nil, fmt.Errorf("migrating an account: %w", err)
	}
	if err := a.userFirst(ctx, a.actorType, address, password); err != nil {
		return nil, err
	}
	p, err := entry()
	if err != nil {
		return nil, err
	}
	p.Key = strings.ToLower(strings.TrimSpace(address)) // or another case would not find it, whose password is replaced
	i, err := a.createPerson(ctx, a.actorType, person, p, time.Time{})
	if errors.Is(err, ErrExists) {
		if _, err = a.Find(ctx, keys...); err == nil { // by another process
			return nil, ErrStale
		}
		if errors.Is(err, ErrNotFound) {
			// Its password there is not the one that its identity has here.
			a.legacy.Logger.WarnContext(ctx, "account of the backend moved over before under another address",
				slog.String("reason", "migration_known"), slog.String("actor_id", person.ActorID))
		}
	}
	if err != nil {
		return nil, err
	}
	a.seal(ctx, i.ID, a.actorType, person.ActorID, i.Providers[EmailPass])
	return i, nil
}

// userFirst refuses a customer's move under the address of a user of the backend who
// has not moved over and has another password there: one address has one password
// here, anybody may have made that customer, and the user would be kept out. It is
// asked of who has proven to be the customer, so it tells strangers nothing. Without
// a password none is the user's.
func (s *Service) userFirst(ctx context.Context, actorType, address, password string) error {
	if actorType == User {
		return nil
	}
	exists, err := s.legacy.Legacy.Exists(ctx, User, address)
	if err == nil && exists {
		if password == "" {
			return errUserFirst
		}
		_, err = s.legacy.Legacy.Migrate(ctx, User, address, password)
	}
	if errors.Is(err, ErrNotFound) { // not wrapped: the backend has the customer
		return errUserFirst
	}
	if err != nil {
		return fmt.Errorf("asking the backend for a user: %w", err)
	}
	return nil
}

var errUserFirst = &Error{Code: CodeUnauthorized, Reason: "address_of_user", Message: "Invalid email or password"}

// createPerson stores an identity for somebody whom a Legacy backend had before.
// ErrExists if the address is taken, or another identity acts as that person.
func (s *Service) createPerson(ctx context.Context, actorType string, person Person, p ProviderIdentity, validFrom time.Time) (*Identity, error) {
	if !validActorID(person.ActorID) {
		return nil, Unavailable("backend_answer", errors.New("the backend named no usable actor"))
	}
	_, err := s.Store.ByActor(ctx, actorType, person.ActorID)
	if err == nil {
		return nil, ErrExists
	}
	if !errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("looking for an account of the backend: %w", err)
	}
	now := s.Clock()
	if validFrom.IsZero() {
		// Tokens of the older dialect name the actor alone: those of an identity that
		// had it before stay dead.
		validFrom = now.Truncate(time.Second)
	}
	p.Provider, p.UpdatedAt = EmailPass, now
	if person.Address != "" {
		p.EntityID = person.Address // the backend knows it so
	}
	i := &Identity{
		ID: "authid_" + s.NewID(), AppMetadata: actorOf(actorType, person.ActorID), ValidFrom: validFrom,
		Providers: map[string]ProviderIdentity{EmailPass: p}, CreatedAt: now, UpdatedAt: now,
	}
	if err := s.Store.Create(ctx, i); err != nil {
		return nil, fmt.Errorf("storing an account of the backend: %w", err)
	}
	s.legacy.Logger.InfoContext(ctx, "account of the backend moved over",
		slog.String("auth_identity_id", i.ID), slog.String("actor_type", actorType))
	return i, nil
}
