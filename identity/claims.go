package identity

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Claims is the payload of an access token. The order of its members on the
// wire is that of the struct (reference medusa-v2, section 5).
type Claims struct {
	// ActorID is the backend's id of the actor, "" while there is none.
	ActorID string `json:"actor_id"`
	// ActorType is the actor type of the URL at which the person logged in.
	ActorType    string          `json:"actor_type"`
	IdentityID   string          `json:"auth_identity_id"`
	Provider     string          `json:"auth_provider"`
	MFAEnabled   bool            `json:"mfa_enabled"`
	MFACompleted *Time           `json:"mfa_challenge_completed_at"`
	AppMetadata  Metadata        `json:"app_metadata"`
	UserMetadata json.RawMessage `json:"user_metadata"`
	IssuedAt     int64           `json:"iat"` // seconds
	ExpiresAt    int64           `json:"exp"` // seconds
	// ByActor: the credential names the actor alone, as the tokens of the older
	// dialect do; the identity is the one that has the actor. It is in no token.
	ByActor bool `json:"-"`
}

// Time is a time in the form JavaScript's toISOString gives it: UTC, milliseconds.
type Time struct{ time.Time }

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) {
	return json.Marshal(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// MarshalJSON writes an object, `{}` when there is nothing, in PostgreSQL's
// jsonb order: shorter keys first, then by bytes. A backend that compares
// tokens of both origins sees the same text.
func (m Metadata) MarshalJSON() ([]byte, error) {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	var out bytes.Buffer
	out.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		out.Write(name)
		out.WriteByte(':')
		if value := m[key]; len(value) > 0 {
			out.Write(value)
		} else {
			out.WriteString("null") // as encoding/json does for an empty RawMessage
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// ResetClaims is the payload of a password-reset token (reference medusa-v2,
// section 9). Its purpose keeps it apart from access tokens.
type ResetClaims struct {
	EntityID  string `json:"entity_id"`
	Provider  string `json:"provider"`
	ActorType string `json:"actor_type"`
	Purpose   string `json:"purpose"` // always "reset"
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
	// ID is random, used once, and stored as its SHA-256 only.
	ID string `json:"jti"`
}

// PurposeReset is the purpose of a ResetClaims.
const PurposeReset = "reset"
