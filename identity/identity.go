package identity

import (
	"encoding/json"
	"time"
)

// Identity is one person (or machine) that can authenticate, by one or several
// providers, and act as one actor per actor type.
type Identity struct {
	// ID is `authid_` and a ULID; the backend knows the identity by it too.
	ID string
	// BackendID is the backend's own id for the identity: the same, except for
	// an identity that was made while the backend was down. "" while the backend
	// knows nothing of it.
	BackendID string
	// AppMetadata links the identity to actors of the backend: the key
	// `customer_id` holds the actor id of type `customer`.
	AppMetadata Metadata
	// Providers holds one entry per provider id.
	Providers map[string]ProviderIdentity
	// ValidFrom ends every credential issued before it (whole seconds).
	// Zero when nothing can have been.
	ValidFrom time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
}

// ProviderIdentity is the way one provider knows the identity.
type ProviderIdentity struct {
	// Provider is the provider's id, as in the URL: `emailpass`.
	Provider string `json:"provider"`
	// EntityID is what the provider calls the person; for emailpass the e-mail
	// address as it was typed at registration.
	EntityID string `json:"entity_id"`
	// Key is the form of EntityID that is unique within the provider and that
	// the store indexes. A backend that has the address of an emailpass entry has
	// it in this form.
	Key string `json:"key"`
	// UserMetadata is copied into tokens; an object or empty.
	UserMetadata json.RawMessage `json:"user_metadata,omitempty"`
	// VerifiedEmail is the person's address if a third party verified it; it is
	// what was said at the latest log-in. "" otherwise.
	VerifiedEmail string `json:"verified_email,omitempty"`
	// Credential is the provider's secret state, e.g. a password hash.
	Credential Secret `json:"-"`
	// UpdatedAt is when the credential was last set.
	UpdatedAt time.Time `json:"updated_at"`
}

// Metadata is a JSON object with values kept as they were received.
type Metadata map[string]json.RawMessage

// ActorKey is the member of the app metadata that names the actor of a type.
func ActorKey(actorType string) string { return actorType + "_id" }

// ActorID returns the actor of that type, or "" if there is none.
func (i *Identity) ActorID(actorType string) string {
	var id string
	if json.Unmarshal(i.AppMetadata[ActorKey(actorType)], &id) != nil {
		return ""
	}
	return id
}

// HasActor reports whether anything is linked, as Medusa counts it: a member
// whose value is null counts as well (reference medusa-v2, section 3).
func (i *Identity) HasActor() bool { return len(i.AppMetadata) > 0 }

// State is what the check of a credential needs to know of an identity.
type State struct {
	ValidFrom time.Time
	BackendID string
}

// Valid reports whether a credential issued at that time is good for the identity.
func (i *Identity) Valid(issuedAt time.Time) bool { return !issuedAt.Before(i.ValidFrom) }
