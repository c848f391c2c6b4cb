package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Customer and User are the actor types of the older dialect.
const (
	Customer = "customer"
	User     = "user"
)

var errAccountExists = &Error{
	Code: CodeUnauthorized, Reason: "identity_exists", Message: "Identity with email already exists",
}

// SignUp registers a customer in one step, as the older dialect does: the identity
// has its actor at once. The profile is an object with any of first_name, last_name
// and phone. The body is that of the new account at a Legacy backend, nil without
// one. An address that has an account is refused with the reason identity_exists.
func (s *Service) SignUp(ctx context.Context, in Input, profile json.RawMessage) (Claims, json.RawMessage, error) {
	p, err := s.provider(Customer, EmailPass)
	if err != nil {
		return Claims{}, nil, err
	}
	r, ok := p.(Registrar)
	if !ok {
		return Claims{}, nil, &Error{Code: CodeNotAllowed, Reason: "registration_unsupported", Message: "Registration is not supported"}
	}
	in.ActorType = Customer
	// A storefront of the older dialect needs to hear that an address has an account,
	// so a registration is such a question, whatever comes of it.
	g, err := s.guess(ctx, EmailPass, in, BucketRegister, BucketExists, BucketExistsAll)
	if err != nil {
		return Claims{}, nil, fmt.Errorf("signing up: %w", err)
	}
	begun := s.Clock()
	e := &enrolling{accounts: s.accounts(EmailPass, Customer), profile: profile}
	// That there is an account already is said when it is safe, as in Register: it may
	// be what a first try left that got 503.
	i, err := r.Register(Durable(ctx), e, in)
	if err = g.end(ctx, err); err != nil {
		return Claims{}, nil, fmt.Errorf("signing up: %w", err)
	}
	if i.ActorID(Customer) == "" { // registered before by the newer dialect, with this password
		if e.body, err = s.enrol(ctx, i, profile); err != nil {
			return Claims{}, nil, fmt.Errorf("signing up: %w", err)
		}
	}
	return s.acting(i, Customer, begun), e.body, nil
}

// enrolling is the view of a provider by which new identities are customers.
type enrolling struct {
	accounts
	profile, body json.RawMessage
}

// Create implements Accounts.
func (e *enrolling) Create(ctx context.Context, p ProviderIdentity) (*Identity, error) {
	now := e.Clock()
	p.Provider, p.UpdatedAt = e.provider, now
	if e.legacy == nil {
		p.UserMetadata = e.profile
	}
	actorID, body, err := e.newCustomer(ctx, p, e.profile)
	if err != nil {
		return nil, err
	}
	i := &Identity{
		ID: "authid_" + e.NewID(), AppMetadata: actorOf(Customer, actorID),
		Providers: map[string]ProviderIdentity{e.provider: p}, CreatedAt: now, UpdatedAt: now,
	}
	if err := e.Store.Create(ctx, i); err != nil {
		return nil, fmt.Errorf("creating an identity: %w", err)
	}
	e.body = body
	return i, nil
}

// newCustomer makes a customer for the entry: at the backend, or here if there is
// none that has customers of its own.
func (s *Service) newCustomer(ctx context.Context, p ProviderIdentity, profile json.RawMessage) (actorID string, body json.RawMessage, err error) {
	if s.legacy == nil {
		return "cus_" + s.NewID(), nil, nil
	}
	if err := plain(p); err != nil {
		return "", nil, err
	}
	person, err := s.legacy.Legacy.Provision(ctx, Customer, p, profile)
	switch {
	case errors.Is(err, ErrExists): // not wrapped: it is not the store's answer
		return "", nil, errAccountExists
	case err != nil:
		return "", nil, fmt.Errorf("making a customer: %w", err)
	case !validActorID(person.ActorID):
		return "", nil, Unavailable("backend_answer", errors.New("the backend named no usable customer"))
	}
	return person.ActorID, person.Body, nil
}

// enrol makes a customer of an identity that is nobody yet.
func (s *Service) enrol(ctx context.Context, i *Identity, profile json.RawMessage) (json.RawMessage, error) {
	p := i.Providers[EmailPass]
	if s.legacy == nil && len(p.UserMetadata) == 0 && len(profile) > 0 {
		next := p
		next.UserMetadata = profile
		err := s.Store.ReplaceCredential(ctx, i.ID, p, next)
		if errors.Is(err, ErrStale) || errors.Is(err, ErrNotFound) {
			err = Unavailable("identity_contended", err)
		}
		if err != nil {
			return nil, fmt.Errorf("keeping a profile: %w", err)
		}
		p = next
		i.Providers[EmailPass] = p
	}
	actorID, body, err := s.newCustomer(ctx, p, profile)
	if err != nil {
		return nil, err
	}
	return body, s.become(ctx, i, Customer, actorID)
}

// become links the identity, and says so in i.
func (s *Service) become(ctx context.Context, i *Identity, actorType, actorID string) error {
	err := s.Link(ctx, i.ID, actorType, actorID)
	if errors.Is(err, ErrLinked) || errors.Is(err, ErrNotFound) { // by a request beside this one
		return Unavailable("identity_contended", err)
	}
	if err != nil {
		return err
	}
	metadata := actorOf(actorType, actorID)
	for name, value := range i.AppMetadata {
		if name != ActorKey(actorType) {
			metadata[name] = value
		}
	}
	i.AppMetadata = metadata
	return nil
}

// acting is claims with the actor in them.
func (s *Service) acting(i *Identity, actorType string, begun time.Time) Claims {
	c := s.claims(i, actorType, EmailPass, begun)
	c.ActorID = i.ActorID(actorType)
	return c
}

func actorOf(actorType, actorID string) Metadata {
	quoted, _ := json.Marshal(actorID) // a string cannot fail
	return Metadata{ActorKey(actorType): quoted}
}

// SignIn logs in by the older dialect, in which nobody is logged in without an
// actor. Somebody who registered by the newer one and is no actor yet becomes a
// customer. The reason of a refusal is actor_missing if the password is right.
func (s *Service) SignIn(ctx context.Context, actorType string, in Input) (Claims, error) {
	begun := s.Clock()
	login, err := s.Authenticate(ctx, actorType, EmailPass, in)
	if err != nil || login.Claims.ActorID != "" {
		return login.Claims, err
	}
	if login.Location != "" {
		return Claims{}, &Error{Code: CodeUnauthorized, Reason: "flow_unsupported"}
	}
	i, err := s.Store.Identity(ctx, login.Claims.IdentityID)
	if errors.Is(err, ErrNotFound) {
		return Claims{}, &Error{Code: CodeUnauthorized, Reason: "identity_gone", Err: err}
	}
	if err != nil {
		return Claims{}, fmt.Errorf("signing in: %w", err)
	}
	if !i.Valid(time.Unix(login.Claims.IssuedAt, 0)) { // the password may be another one by now
		return Claims{}, errRevoked
	}
	if err := s.actor(ctx, i, actorType, in); err != nil {
		return Claims{}, fmt.Errorf("signing in: %w", err)
	}
	return s.acting(i, actorType, begun), nil
}

// actor finds or makes the actor of an identity whose password is known.
func (s *Service) actor(ctx context.Context, i *Identity, actorType string, in Input) error {
	if i.ActorID(actorType) != "" { // made by a request beside this one
		return nil
	}
	if err := s.joinLegacy(ctx, i, actorType, in); !errors.Is(err, ErrNotFound) {
		return err
	}
	missing := &Error{Code: CodeUnauthorized, Reason: "actor_missing", Message: "Invalid email or password"}
	if actorType != Customer || i.HasActor() {
		return missing
	}
	_, err := s.enrol(ctx, i, nil)
	if errors.Is(err, errAccountExists) {
		return missing
	}
	return err
}

// joinLegacy links the account that the backend has for the person under the same
// address with the same password: both were proven. An account with another
// password stays where it is, for an address alone proves nothing. ErrNotFound if
// there is none.
func (s *Service) joinLegacy(ctx context.Context, i *Identity, actorType string, in Input) error {
	p, has := i.Providers[EmailPass]
	password, ok := in.Text("password")
	if s.legacy == nil || !s.legacy.Migrate || !has || !ok || !legacyActor(actorType) {
		return ErrNotFound
	}
	person, err := s.legacy.Legacy.Migrate(ctx, actorType, p.EntityID, password)
	if err != nil {
		return fmt.Errorf("looking for an account of the backend: %w", err)
	}
	if err := s.become(ctx, i, actorType, person.ActorID); err != nil {
		return err
	}
	s.seal(ctx, i.ID, actorType, person.ActorID, p)
	return nil
}

func legacyActor(actorType string) bool { return actorType == Customer || actorType == User }

// seal takes the password away that still opens the account at the backend. The
// login does not depend on it: the routes at which it counts are closed there. What
// fails is repeated.
func (s *Service) seal(ctx context.Context, id, actorType, actorID string, p ProviderIdentity) {
	seal := func(ctx context.Context) error { return s.legacy.Legacy.Seal(ctx, actorType, actorID, p) }
	err := seal(ctx)
	if err == nil {
		return
	}
	s.legacy.Logger.WarnContext(ctx, "account that moved over keeps its old password at the backend for now",
		slog.String("reason", ReasonOf(err)), slog.String("auth_identity_id", id), slog.Any("error", err))
	if s.legacy.Retry != nil {
		s.legacy.Retry(actorType, actorID, seal)
	}
}
