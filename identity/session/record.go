package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// MaxRecord bounds a record, in bytes.
const MaxRecord = 32 << 10

// ErrCorrupt: these bytes are not the record of a session.
var ErrCorrupt = errors.New("corrupt session record")

// Record is what the store keeps about a session.
type Record struct {
	Cookie Cookie
	// CreatedAt is when the latest login took place; zero in Medusa's own records.
	CreatedAt time.Time
	// Latest is the actor type of the latest login.
	Latest string
	// Contexts holds the claims of one login per actor type.
	Contexts map[string]identity.Claims
	// Carried holds, by actor type, when the logins took place that are older
	// than the latest: they keep their own age.
	Carried map[string]time.Time
}

// recordJSON is the form in the store. Medusa knows the first two members; the
// others are ours.
type recordJSON struct {
	Cookie      *Cookie                    `json:"cookie"`
	AuthContext *identity.Claims           `json:"auth_context,omitempty"`
	CreatedAt   int64                      `json:"created_at,omitempty"`    // milliseconds since 1970
	Others      map[string]identity.Claims `json:"auth_contexts,omitempty"` // by actor type
	OthersSince map[string]int64           `json:"auth_contexts_created_at,omitempty"`
}

// Encode returns the record as express-session would store it. It fails with
// identity.CodeInvalid if the record is larger than MaxRecord.
func (r *Record) Encode() ([]byte, error) {
	form := recordJSON{Cookie: &r.Cookie, Others: maps.Clone(r.Contexts)}
	for actorType, claims := range form.Others {
		if len(claims.UserMetadata) == 0 {
			claims.UserMetadata = json.RawMessage("{}")
			form.Others[actorType] = claims
		}
	}
	if claims, ok := form.Others[r.Latest]; ok {
		form.AuthContext = &claims
		delete(form.Others, r.Latest)
	}
	if !r.CreatedAt.IsZero() {
		form.CreatedAt = r.CreatedAt.UnixMilli()
	}
	for actorType := range form.Others {
		if since, ok := r.Carried[actorType]; ok {
			if form.OthersSince == nil {
				form.OthersSince = make(map[string]int64)
			}
			form.OthersSince[actorType] = since.UnixMilli()
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // JSON.stringify does not either
	if err := enc.Encode(form); err != nil {
		return nil, fmt.Errorf("encoding a session record: %w", err)
	}
	data := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	if len(data) > MaxRecord {
		return nil, &identity.Error{
			Code:    identity.CodeInvalid,
			Reason:  "session_too_large",
			Message: "The metadata of the identity is too large for a session",
		}
	}
	return data, nil
}

// Decode reads a record, Medusa's own ones too, and ignores members that it
// does not know. Every failure is ErrCorrupt.
func Decode(data []byte) (*Record, error) {
	if len(data) > MaxRecord {
		return nil, fmt.Errorf("%w: %d bytes", ErrCorrupt, len(data))
	}
	var form recordJSON
	if err := json.Unmarshal(data, &form); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if form.Cookie == nil {
		return nil, fmt.Errorf("%w: no cookie", ErrCorrupt)
	}
	r := &Record{Cookie: *form.Cookie, Contexts: make(map[string]identity.Claims, 1+len(form.Others))}
	if form.CreatedAt != 0 {
		r.CreatedAt = time.UnixMilli(form.CreatedAt).UTC()
	}
	for actorType, claims := range form.Others {
		if actorType == "" || claims.ActorType != actorType {
			return nil, fmt.Errorf("%w: context under the wrong actor type", ErrCorrupt)
		}
		r.Contexts[actorType] = claims
		if since, ok := form.OthersSince[actorType]; ok {
			if r.Carried == nil {
				r.Carried = make(map[string]time.Time)
			}
			r.Carried[actorType] = time.UnixMilli(since).UTC()
		}
	}
	// Medusa ignores a context without actor type; so do we.
	if claims := form.AuthContext; claims != nil && claims.ActorType != "" {
		r.Latest = claims.ActorType
		r.Contexts[r.Latest] = *claims
		delete(r.Carried, r.Latest)
	}
	for _, claims := range r.Contexts {
		if claims.MFACompleted != nil && !writable(*claims.MFACompleted) {
			return nil, fmt.Errorf("%w: time out of range", ErrCorrupt)
		}
	}
	if !writable(r.Cookie.Expires) {
		return nil, fmt.Errorf("%w: time out of range", ErrCorrupt)
	}
	return r, nil
}

// writable reports whether a time keeps four digits of a year in UTC; an offset
// can move it over either edge.
func writable(t identity.Time) bool {
	year := t.UTC().Year()
	return 0 <= year && year <= 9999
}

// since returns when the login of that actor type took place. A record without
// that knowledge is judged by its token, which cannot be younger.
func (r *Record) since(actorType string) time.Time {
	if t, ok := r.Carried[actorType]; ok {
		return t
	}
	if !r.CreatedAt.IsZero() {
		return r.CreatedAt
	}
	if iat := r.Contexts[actorType].IssuedAt; iat > 0 {
		return time.Unix(iat, 0).UTC()
	}
	return time.Time{}
}

// MarshalJSON writes false for the absent attribute, as express-session does.
func (s SameSite) MarshalJSON() ([]byte, error) {
	if s == SameSiteDefault {
		return []byte("false"), nil
	}
	return json.Marshal(string(s))
}

// UnmarshalJSON reads what express-session may write: a name, or false, true
// (which means strict) or null.
func (s *SameSite) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "false", "null":
		*s = SameSiteDefault
		return nil
	case "true":
		*s = SameSiteStrict
		return nil
	}
	var name string
	if err := json.Unmarshal(data, &name); err != nil {
		return err
	}
	*s = SameSite(name)
	return nil
}
