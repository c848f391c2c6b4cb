package identity

import (
	"context"
	"encoding/json"
	"time"
)

// Store keeps identities. Every method may fail with CodeUnavailable when the
// store cannot be asked or did not confirm a write; the other answers are
// named at each method. A nil error of a writing method means: stored.
type Store interface {
	// Identity returns the identity with that id, or ErrNotFound.
	Identity(ctx context.Context, id string) (*Identity, error)
	// Find returns the identity that holds the first of keys that is taken
	// within the provider, or ErrNotFound. It costs the same whether or not
	// there is one.
	Find(ctx context.Context, provider string, keys ...string) (*Identity, error)
	// ByActor returns the identity that has the actor, or ErrNotFound. Of several
	// the first by id.
	ByActor(ctx context.Context, actorType, actorID string) (*Identity, error)
	// Create stores a new identity and claims the keys of its provider
	// identities, all or nothing. ErrExists if one is taken.
	Create(ctx context.Context, i *Identity) error
	// ReplaceCredential stores next in place of old, an entry of the same
	// provider and key. ErrStale if the stored credential is not old's,
	// ErrNotFound if the identity is gone.
	ReplaceCredential(ctx context.Context, id string, old, next ProviderIdentity) error

	// Link makes actorID the identity's actor of that type. Linking the same
	// again is fine; ErrLinked if it has another one, ErrNotFound if the
	// identity is gone.
	Link(ctx context.Context, id, actorType, actorID string) error
	// Holders returns the ids of all identities that have the actor, in order. It is
	// no error if there is none.
	Holders(ctx context.Context, actorType, actorID string) (ids []string, err error)
	// Unlink takes the actor away from every identity that has it, ends their
	// credentials issued before validFrom, and deletes those that have no actor
	// left. It returns their ids, in order, also with an error: then those that may
	// have lost it. ErrNotFound if none has it.
	Unlink(ctx context.Context, actorType, actorID string, validFrom time.Time) (ids []string, err error)

	// Revoke raises the identity's ValidFrom to validFrom, or beyond it if it is as
	// late already. ErrNotFound if the identity is gone.
	Revoke(ctx context.Context, id string, validFrom time.Time) error
	// Keep chooses a time, in whole seconds and not before earliest, for claims that
	// are to outlive RevokeOthers. Every other revocation that comes later, by
	// whichever method, ends them as well. ErrStale if the identity's ValidFrom is
	// later than validFrom, which was read before: who asks may have been revoked
	// since. ErrNotFound if it is gone. KeepLimited if the time would be more than
	// MaxKeepAhead after earliest.
	Keep(ctx context.Context, id string, earliest, validFrom time.Time) (kept time.Time, err error)
	// RevokeOthers raises the identity's ValidFrom to a time that Keep chose. The
	// same again is fine. ErrStale if another revocation came since, or Keep chose a
	// later time, which would not end; ErrNotFound if the identity is gone.
	RevokeOthers(ctx context.Context, id string, kept time.Time) error

	// AddProvider gives the identity one more provider identity and claims its key.
	// The same again is fine. ErrExists if another identity holds the key, ErrLinked
	// if this one has another entry of the provider, ErrNotFound if it is gone.
	// ErrStale if its ValidFrom is later than validFrom, which was read before the
	// person was asked for: what proved them has ended since.
	AddProvider(ctx context.Context, id string, p ProviderIdentity, validFrom time.Time) error
	// RemoveProvider takes the provider identity away, with its key and its open
	// reset, and ends the credentials issued before validFrom. ErrLast if the
	// identity has no other, ErrNotFound if it has none of that provider or is gone.
	RemoveProvider(ctx context.Context, id, provider string, validFrom time.Time) error
	// DeleteBare deletes an identity that is nobody, with the key and the open reset
	// of its one provider identity. ErrLinked if it has app metadata or not that
	// provider alone, ErrNotFound if it is gone.
	DeleteBare(ctx context.Context, id, provider string) error

	// SetBackend makes backendID the backend's id for the identity in place of
	// old. The same again is fine; ErrStale if it has another one than old,
	// ErrNotFound if the identity is gone.
	SetBackend(ctx context.Context, id, old, backendID string) error

	// OpenReset makes r the identity's one valid reset of that provider,
	// unless one asked for later is open or was used, or one is open that was
	// asked for less than r.Cooldown before: then ErrStale. Opening the same
	// again is fine while it is unused.
	OpenReset(ctx context.Context, id, provider string, r Reset) error
	// CheckReset returns nil if the reset with that hash is open, else ErrNotFound.
	CheckReset(ctx context.Context, id, provider, hash string) error
	// CloseReset consumes the open reset with that hash without effect, or
	// returns ErrNotFound.
	CloseReset(ctx context.Context, id, provider, hash string) error
	// FinishReset consumes the open reset with that hash, stores next and
	// raises the identity's ValidFrom, in one step. ErrNotFound if that reset
	// is not open: of 50 parallel calls one succeeds.
	//
	// Unless drop is nil, the step also takes away what AddProvider has not
	// completed, and every other provider identity for which drop returns true,
	// with its key and its open reset. What is asked about is what is stored at that
	// very step, so drop may be called several times.
	FinishReset(ctx context.Context, id, hash string, next ProviderIdentity, validFrom time.Time, drop func(ProviderIdentity) bool) error
}

// Reset is an accepted request for a new password, as the store keeps it.
type Reset struct {
	Hash      string    // hex SHA-256 of the token's jti
	AskedAt   time.Time // orders resets of one identity; milliseconds count
	ExpiresAt time.Time
	// Cooldown protects the open reset from one asked for so soon after it.
	Cooldown time.Duration
}

// ResetRequest is a request for a new password before anybody looked whether
// the identifier is known.
type ResetRequest struct {
	// ID is unique and stays the same over all attempts to handle the request.
	ID         string          `json:"id"`
	Provider   string          `json:"provider"`
	ActorType  string          `json:"actor_type"`
	Identifier string          `json:"identifier"`
	Metadata   json.RawMessage `json:"metadata,omitempty"` // an object or empty
	AskedAt    time.Time       `json:"asked_at"`
}

// ResetQueue accepts reset requests durably; the work is done later, so that
// known and unknown identifiers take the same time.
type ResetQueue interface {
	Enqueue(ctx context.Context, r ResetRequest) error
}

// ResetTokens mints and reads reset tokens.
type ResetTokens interface {
	Reset(c ResetClaims) (Secret, error)
	// ParseReset returns the claims of a token that is genuine and not expired.
	ParseReset(raw string) (*ResetClaims, error)
}

// Notification is a message for a person, to be delivered by the shop's own
// means. Name is the backend's event name.
type Notification struct {
	// ID stays the same over all attempts, so receivers can tell a repetition.
	ID        string
	Name      string // "auth.password_reset"
	EntityID  string // the address as it is stored, never as it was asked for
	ActorType string
	Provider  string
	Token     Secret
	Metadata  json.RawMessage // an object
	CreatedAt time.Time
	ExpiresAt time.Time // after that delivery is pointless
}

// PasswordReset is the name of the notification that carries a reset token.
const PasswordReset = "auth.password_reset"

// Notifier delivers notifications. An error means: try again later. Delivery
// is at least once.
type Notifier interface {
	Notify(ctx context.Context, n Notification) error
}

// Input is what a client sent to a provider.
type Input struct {
	ActorType string
	// Body holds the members of the request body; values are those of
	// encoding/json. Attacker's data.
	Body map[string]any
	// Query holds the first value of each query parameter.
	Query map[string]string
	// Host is the one that the request was sent to.
	Host string
	// Browser tells browsers apart that a third party sends back.
	Browser Browser
	// Device returns the id of the browser if it was in the account of that name
	// before, else "". nil: nobody knows.
	Device func(account string) string
	// LinkTo is the id of the identity, of a person who is signed in and logged in
	// lately, that is to get the provider; "" for a log-in.
	LinkTo string
	// Person returns the id of the identity that the request's own credentials
	// prove; CodeUnauthorized if they prove none, CodeUnavailable if that cannot be
	// known. nil: there are none.
	Person func(ctx context.Context) (id string, err error)
}

// Text returns the member of the body if it is a string that is not empty.
func (in Input) Text(member string) (string, bool) {
	text, ok := in.Body[member].(string)
	return text, ok && text != ""
}

// Flow says how a provider is used.
type Flow string

// The flows.
const (
	FlowCredentials Flow = "credentials" // the login form is the client's own
	FlowRedirect    Flow = "redirect"    // the browser visits the provider
)

// Provider proves who somebody is, by one method. How it does is an optional
// interface: a Provider is an Authenticator or a Redirector.
type Provider interface {
	// DisplayName is shown on login pages; Flow says how to use the provider.
	DisplayName() string
	Flow() Flow
}

// Authenticator is a Provider that judges what the client itself sends.
type Authenticator interface {
	// Authenticate returns the identity that the input proves.
	Authenticate(ctx context.Context, accounts Accounts, in Input) (*Identity, error)
}

// Registrar is a Provider at which one can register.
type Registrar interface {
	Register(ctx context.Context, accounts Accounts, in Input) (*Identity, error)
}

// CredentialUpdater is a Provider whose credential can be replaced by a reset.
type CredentialUpdater interface {
	// Keys returns the index keys under which the identifier may be stored,
	// the most exact first; none if it cannot be one.
	Keys(identifier string) []string
	// NewCredential makes a credential of the input. ErrNoCredential when the
	// input has none of the right type.
	NewCredential(ctx context.Context, in Input) (Secret, error)
}

// Accounts is what a provider may do with the identities of its own id.
type Accounts interface {
	// Find returns the identity that holds the first of keys that is taken, or
	// ErrNotFound.
	Find(ctx context.Context, keys ...string) (*Identity, error)
	// Create makes a new identity. ErrExists if the key is taken.
	Create(ctx context.Context, p ProviderIdentity) (*Identity, error)
	// Own returns the provider's entry of the identity.
	Own(i *Identity) ProviderIdentity
	// Migrate makes an identity of the account that the identifier and the
	// password open at the backend, with the entry that entry makes. keys are
	// those of Find; the first is the entry's. ErrNotFound if the backend has no
	// such account or is not to be asked, ErrStale if there is an identity with
	// that very key by now.
	Migrate(ctx context.Context, keys []string, identifier, password string, entry func() (ProviderIdentity, error)) (*Identity, error)
	// Replace stores another credential in the provider's entry, unless it
	// changed meanwhile: then ErrStale.
	Replace(ctx context.Context, i *Identity, credential Secret) error
}
