package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Config is what a Service is made of. All fields without a default are required.
type Config struct {
	Store Store
	// Providers in the order of the configuration.
	Providers []NamedProvider
	// Actors lists the providers of each actor type. Empty: see Service.Providers.
	Actors map[string][]string
	// TokenTTL is the life of an access token. Default: 24 hours.
	TokenTTL time.Duration

	// Attempts is required with a Redirector among the providers.
	Attempts Attempts
	// Limiter bounds what strangers try. Default: nothing is limited.
	Limiter Limiter

	Resets ResetQueue
	Tokens ResetTokens
	// ResetTTL is the life of a reset token. Default: 15 minutes.
	ResetTTL time.Duration

	// NewID makes the part of an identity's id behind `authid_`: a ULID.
	NewID func() string
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
	// Revoked, if set, is told the id of an identity whose credentials ended,
	// after the store confirmed it.
	Revoked func(id string)
}

// NamedProvider is a provider under the id it has in URLs.
type NamedProvider struct {
	ID string
	Provider
}

// Service does what people may do about their identities. It is safe for
// concurrent use.
type Service struct {
	Config
	providers map[string]Provider
	order     []string
	actors    map[string][]string
	slowdown  slowdown
	refunds   refunds
	backend   *BackendConfig // nil without one
	legacy    *LegacyConfig  // nil without one
}

// NewService checks the configuration and makes a Service.
func NewService(c Config) (*Service, error) {
	if c.Store == nil || c.Resets == nil || c.Tokens == nil || c.NewID == nil {
		return nil, errors.New("identity service: a required part is missing")
	}
	if c.TokenTTL < 0 || c.ResetTTL < 0 {
		return nil, errors.New("identity service: the life of a token must not be negative")
	}
	if c.TokenTTL == 0 {
		c.TokenTTL = 24 * time.Hour
	}
	if c.ResetTTL == 0 {
		c.ResetTTL = 15 * time.Minute
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Revoked == nil {
		c.Revoked = func(string) {}
	}
	s := &Service{Config: c, providers: make(map[string]Provider), actors: c.Actors, slowdown: newSlowdown(), refunds: newRefunds()}
	for _, p := range c.Providers {
		if !ValidName(p.ID) || p.Provider == nil {
			return nil, fmt.Errorf("provider %q: use letters, digits, '_' and '-', at most 64, and configure what it is", p.ID)
		}
		if _, taken := s.providers[p.ID]; taken {
			return nil, fmt.Errorf("provider %q is configured twice", p.ID)
		}
		_, authenticates := p.Provider.(Authenticator)
		_, redirects := p.Provider.(Redirector)
		switch {
		case authenticates == redirects:
			return nil, fmt.Errorf("provider %q: it must either check credentials or redirect to a third party", p.ID)
		case redirects && c.Attempts == nil:
			return nil, fmt.Errorf("provider %q redirects to a third party, but nothing keeps the attempts", p.ID)
		}
		s.providers[p.ID] = p.Provider
		s.order = append(s.order, p.ID)
	}
	for actorType, ids := range c.Actors {
		if !ValidName(actorType) {
			return nil, fmt.Errorf("actor type %q: use letters, digits, '_' and '-', at most 64", actorType)
		}
		for _, id := range ids {
			if _, known := s.providers[id]; !known {
				return nil, fmt.Errorf("actor type %q may use provider %q, but no such provider is configured", actorType, id)
			}
		}
	}
	return s, nil
}

// Register makes an identity and returns claims without an actor: a
// registration never acts as anybody.
func (s *Service) Register(ctx context.Context, actorType, provider string, in Input) (Claims, error) {
	p, err := s.provider(actorType, provider)
	if err != nil {
		return Claims{}, err
	}
	r, ok := p.(Registrar)
	if !ok {
		return Claims{}, &Error{
			Code: CodeUnauthorized, Reason: "registration_unsupported",
			Message: capitalised(provider) + " does not support registration. Use method `authenticate` instead.",
		}
	}
	in.ActorType = actorType
	g, err := s.guess(ctx, provider, in, BucketRegister)
	if err != nil {
		return Claims{}, fmt.Errorf("registering: %w", err)
	}
	begun := s.Clock()
	// Also when there is nothing left to write: the first try may have written it,
	// and got no answer because it was not safe yet.
	i, err := r.Register(Durable(ctx), s.accounts(provider, actorType), in)
	if err = g.end(ctx, err); err != nil {
		return Claims{}, fmt.Errorf("registering: %w", err)
	}
	return s.claims(i, actorType, provider, begun), nil
}

// Login is the outcome of an authentication: claims, or the location at which
// the browser has to continue.
type Login struct {
	Claims   Claims
	Location string
}

// Authenticate logs somebody in or starts to.
func (s *Service) Authenticate(ctx context.Context, actorType, provider string, in Input) (Login, error) {
	p, err := s.provider(actorType, provider)
	if err != nil {
		return Login{}, err
	}
	in.ActorType = actorType
	if r, ok := p.(Redirector); ok {
		return s.begin(ctx, r, actorType, provider, in)
	}
	if in.LinkTo != "" {
		return Login{}, &Error{Code: CodeInvalid, Reason: "link_unsupported", Message: provider + " accounts cannot be linked"}
	}
	g, err := s.guess(ctx, provider, in)
	if err != nil {
		return Login{}, fmt.Errorf("authenticating: %w", err)
	}
	begun := s.Clock()
	accounts := s.accounts(provider, actorType)
	accounts.alone = g.backend != nil
	i, err := p.(Authenticator).Authenticate(ctx, accounts, in)
	if err = g.end(ctx, err); err != nil {
		return Login{}, fmt.Errorf("authenticating: %w", err)
	}
	return s.login(ctx, i, actorType, provider, begun)
}

// Callback finishes an authentication that a third party took part in.
func (s *Service) Callback(ctx context.Context, actorType, provider string, in Input) (Login, error) {
	p, err := s.provider(actorType, provider)
	if err != nil {
		return Login{}, err
	}
	r, ok := p.(Redirector)
	if !ok {
		return Login{}, &Error{
			Code: CodeUnauthorized, Reason: "callback_unsupported",
			Message: "Callback authentication not implemented for provider " + provider,
		}
	}
	in.ActorType = actorType
	return s.finish(ctx, r, actorType, provider, in)
}

func (s *Service) login(ctx context.Context, i *Identity, actorType, provider string, begun time.Time) (Login, error) {
	i = s.adopt(ctx, i, actorType, provider, begun)
	c := s.claims(i, actorType, provider, begun)
	c.ActorID = i.ActorID(actorType)
	if err := s.Present(ctx, c); err != nil {
		return Login{}, err
	}
	return Login{Claims: c}, nil
}

// Refresh returns fresh claims for the holder of genuine claims: actor and
// metadata are read anew, the values in old are not trusted (reference
// medusa-v2, section 5).
func (s *Service) Refresh(ctx context.Context, old Claims) (Claims, error) {
	if old.IdentityID == "" && old.ActorID == "" {
		return Claims{}, &Error{Code: CodeUnauthorized, Reason: "refresh_without_identity"}
	}
	if old.Provider == "" {
		return Claims{}, &Error{
			Code: CodeUnauthorized, Reason: "refresh_without_provider",
			Message: "The auth provider is not set while refreshing token",
		}
	}
	// Else a token would outlive the policy that it was made under.
	if err := s.allow(old.ActorType, old.Provider); err != nil {
		return Claims{}, &Error{Code: CodeUnauthorized, Reason: ReasonOf(err), Err: err}
	}
	begun := s.Clock()
	i, err := s.Store.Identity(ctx, old.IdentityID)
	switch {
	case errors.Is(err, ErrNotFound) && old.ActorID != "":
		return Claims{}, &Error{
			Code: CodeNotFound, Reason: "identity_gone",
			Message: fmt.Sprintf("AuthIdentity with id: %s was not found", old.IdentityID), Err: err,
		}
	case errors.Is(err, ErrNotFound):
		return Claims{}, &Error{
			Code: CodeUnauthorized, Reason: "identity_gone",
			Message: "Invalid auth identity while refreshing token", Err: err,
		}
	case err != nil:
		return Claims{}, fmt.Errorf("refreshing: %w", err)
	case !i.Valid(time.Unix(old.IssuedAt, 0)):
		return Claims{}, &Error{Code: CodeUnauthorized, Reason: "revoked"}
	}
	i = s.adopt(ctx, i, old.ActorType, old.Provider, begun)
	c := s.claims(i, old.ActorType, old.Provider, begun)
	// A backend's own token may wait for a second factor, which it asks for and
	// we do not: a refresh must not stand in for it.
	c.MFAEnabled, c.MFACompleted = old.MFAEnabled, old.MFACompleted
	if !c.MFAEnabled || c.MFACompleted != nil {
		c.ActorID = i.ActorID(old.ActorType)
	}
	if err := s.Present(ctx, c); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// claims describes the identity as it came through a provider, without actor.
// They count as issued when the work on them began, before the identity was
// read: a revocation that came in between ends them too.
func (s *Service) claims(i *Identity, actorType, provider string, begun time.Time) Claims {
	issued := begun
	if issued.Before(i.ValidFrom) { // its credentials were revoked in this very second
		issued = i.ValidFrom
	}
	userMetadata := i.Providers[provider].UserMetadata
	if len(userMetadata) == 0 {
		userMetadata = []byte("{}")
	}
	return Claims{
		ActorType:    actorType,
		IdentityID:   i.ID,
		Provider:     provider,
		AppMetadata:  i.AppMetadata,
		UserMetadata: userMetadata,
		IssuedAt:     issued.Unix(),
		ExpiresAt:    issued.Add(s.TokenTTL).Unix(),
	}
}

// nextValidFrom is the ValidFrom that ends everything issued until now, also
// what was issued after an earlier end in this very second.
func (s *Service) nextValidFrom(current time.Time) time.Time {
	next := s.Clock().Truncate(time.Second)
	if next.Before(current) {
		next = current
	}
	return next.Add(time.Second)
}

// capitalised is for ids of providers, which are ASCII.
func capitalised(id string) string { return strings.ToUpper(id[:1]) + id[1:] }
