package identity

import (
	"context"
	"encoding/json"
	"log/slog"
)

// Legacy is a commerce backend of the older kind: it has accounts, for each actor
// type its own, each with an address and a password, and knows no identities
// (reference medusa-v1). The accounts that belong to identities of ours have a
// password there that is derived from their entry and that nobody types.
//
// Every method may fail with CodeUnavailable when the backend did not answer or
// refuses our tokens; the other answers are named. Of a ProviderIdentity only
// Provider, EntityID (the address) and Key (what the password is derived from)
// count.
type Legacy interface {
	// Provision makes the account of p with that profile, an object with any of
	// first_name, last_name and phone. Repeating it finds the account again: the
	// derived password opens it. ErrExists if the address has an account that
	// password does not open, one that was made more than an hour ago (whoever
	// registers has not proven that the address is theirs), or, for anybody but a
	// `user`, if a user has the address.
	Provision(ctx context.Context, actorType string, p ProviderIdentity, profile json.RawMessage) (Person, error)
	// Person returns the account of that actor, or ErrNotFound.
	Person(ctx context.Context, actorType, actorID string) (Person, error)
	// Exists reports whether somebody can log in there with the address.
	Exists(ctx context.Context, actorType, address string) (bool, error)
	// Migrate returns the account that the address and the password open, or
	// ErrNotFound.
	Migrate(ctx context.Context, actorType, address, password string) (Person, error)
	// Seal gives the account of that actor p's derived password in place of the one
	// that its owner knows. nil also where the backend has no way to do so.
	Seal(ctx context.Context, actorType, actorID string, p ProviderIdentity) error

	// RequestReset lets the backend tell its own subscribers that somebody who has
	// not moved over asked for a new password. ErrUncertain as of a Backend.
	RequestReset(ctx context.Context, actorType, address string) error
	// CheckReset returns ErrNotFound for what cannot be a reset token of the backend's
	// own, of which it is not asked: whether one is genuine only UseReset tells.
	CheckReset(actorType, token string) error
	// UseReset uses a reset token of the backend's own up and returns the account
	// of p's address, which has p's derived password afterwards. ErrNotFound if the
	// token is not good for it.
	UseReset(ctx context.Context, actorType, token string, p ProviderIdentity) (Person, error)
}

// Person is an account of a Legacy backend.
type Person struct {
	// ActorID is the backend's id of the account: `cus_…`, `usr_…`. Never empty.
	ActorID string
	// Address is the account's e-mail address as the backend has it.
	Address string
	// Body is the account as the backend's own log-in shows it: the object that
	// stands under `customer` or `user` there.
	Body json.RawMessage
}

// LegacyConfig says what a Service does with a Legacy backend.
type LegacyConfig struct {
	Legacy Legacy
	// Migrate: an address that the store does not know is tried at the backend.
	Migrate bool
	// Resets takes the requests for new passwords, of which the backend is to
	// hear. Default: the Service's own queue.
	Resets ResetQueue
	// Retry repeats what failed about an actor until it succeeds. Default: nothing
	// does, the log says what failed.
	Retry func(actorType, actorID string, operation func(ctx context.Context) error)
	// Logger gets what happened to an account. Required.
	Logger *slog.Logger

	migrations *turns  // by address
	mails      *pauses // between requests for resets, by actor type and address
}

// WithLegacy returns a Service for the same identities in front of a backend of
// the older kind.
func (s *Service) WithLegacy(c LegacyConfig) *Service {
	behind := *s
	c.migrations, c.mails = newTurns(), newPauses()
	behind.backend, behind.legacy = nil, &c
	if c.Resets != nil {
		behind.Resets = c.Resets
	}
	return &behind
}
