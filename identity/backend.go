package identity

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
)

// EmailPass is the id of the one provider whose accounts a backend may have as
// well: under the same address, with a password.
const EmailPass = "emailpass"

// Backend is a commerce backend with authentication of its own, as far as it is
// needed behind ours. It keeps a shadow of each identity, because what makes an
// actor there wants one. Every method may fail with CodeUnavailable when the
// backend did not answer, or refuses our tokens; the other answers are named.
type Backend interface {
	// Shadow returns the account that the backend has for the identity of p, and
	// makes it if need be. Repeating it gives the same, by then perhaps with
	// actors. ErrExists if the backend has an account of that address that is not
	// ours; the zero Account if it wants no shadows.
	Shadow(ctx context.Context, actorType string, p ProviderIdentity) (Account, error)
	// Actor returns the actor that the backend has for the identity and actor
	// type of c, "" for none. c.IdentityID is the backend's id; ErrNotFound if it
	// has no such identity.
	Actor(ctx context.Context, c Claims) (actorID string, err error)
	// Migrate returns the account that the address and the password open at the
	// backend, or ErrNotFound.
	Migrate(ctx context.Context, actorType, identifier, password string) (Account, error)

	// RequestReset lets the backend tell its own subscribers that somebody asked
	// for a new password. ErrUncertain if it may have heard of it and did not say so:
	// repeating it may send another mail.
	RequestReset(ctx context.Context, actorType, identifier string, metadata json.RawMessage) error
	// ParseReset returns the claims of a reset token that the backend minted and
	// that has not expired, else an error with CodeUnauthorized.
	ParseReset(raw string) (*ResetClaims, error)
	// UseReset uses such a token up. The account at the backend has the password
	// of p's shadow afterwards. ErrNotFound if the token is good no more.
	UseReset(ctx context.Context, actorType, token string, p ProviderIdentity) error
	// Account returns the account of p's address that has the password of p's
	// shadow, or ErrNotFound; ErrSecondFactor if the password is not enough.
	Account(ctx context.Context, actorType string, p ProviderIdentity) (Account, error)
	// CloseReset uses such a token up without effect. ErrNotFound as above.
	CloseReset(ctx context.Context, actorType, token string) error

	// CreateUser makes a user for the identity of c, or links it to the one with
	// that e-mail address. answer is the backend's.
	CreateUser(ctx context.Context, c Claims, email string) (answer json.RawMessage, actorID string, err error)
}

// ErrSecondFactor: the account of the backend has a second factor, which only the
// backend can ask for.
var ErrSecondFactor error = &Error{
	Code: CodeForbidden, Reason: "backend_second_factor",
	Message: "The account has a second factor, which must be removed before a new password can be used",
}

// ErrUncertain: nobody knows whether the backend did what it was asked for.
var ErrUncertain = errors.New("it may have been done")

// Account is an identity as a backend knows it.
type Account struct {
	ID          string
	AppMetadata Metadata
}

// BackendConfig says what a Service does with a backend.
type BackendConfig struct {
	Backend Backend
	// Mirror: shadows have the real address, so that a reset that the backend is
	// asked for reaches its owner.
	Mirror bool
	// Migrate: an address that the store does not know is tried at the backend.
	Migrate bool
	// Resets takes the requests for new passwords, of which the backend is to
	// hear. Default: the Service's own queue.
	Resets ResetQueue
	// Logger gets what happened to a shadow. Required.
	Logger *slog.Logger

	migrations *turns // by address
}

// WithBackend returns a Service for the same identities in front of a backend.
func (s *Service) WithBackend(c BackendConfig) *Service {
	behind := *s
	c.migrations = newTurns()
	behind.backend = &c
	if c.Resets != nil {
		behind.Resets = c.Resets
	}
	return &behind
}

// shadowed returns the entry of the identity that its shadow is made of: the
// same at every attempt, whoever asks.
func (i *Identity) shadowed() ProviderIdentity {
	if p, ok := i.Providers[EmailPass]; ok {
		return p
	}
	var first string
	for id := range i.Providers {
		if first == "" || id < first {
			first = id
		}
	}
	return i.Providers[first]
}

// actors lists the actor types that the metadata names actors of, in order.
func (m Metadata) actors() []string {
	var types []string
	for member := range m {
		if actorType, ok := strings.CutSuffix(member, ActorKey("")); ok {
			types = append(types, actorType)
		}
	}
	slices.Sort(types)
	return types
}
