package redisstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// schema is the version of the record that this package writes, and the highest
// that it reads.
const schema = 1

// The fields of the record.
const (
	fieldSchema    = "v"
	fieldRevision  = "rev"        // counts the changes
	fieldValidFrom = "valid_from" // seconds
	fieldCreated   = "created_at" // milliseconds
	fieldUpdated   = "updated_at" // milliseconds
	fieldClaim     = "claim"      // the attempt that created it
	fieldPending   = "pending"    // there until the creation is complete
	fieldBackendID = "backend_id" // the backend's id for the identity
	prefixApp      = "app:"       // a member of the app metadata: JSON
	prefixProvider = "pi:"        // a provider identity: JSON
	prefixAddition = "add:"       // one that it is to get: JSON
	prefixClaim    = "claim:"     // the attempt that added a provider identity later
)

// record is an identity as it is stored.
type record struct {
	identity.Identity
	revision  string
	claim     string
	pending   bool
	claims    map[string]string   // by provider: those that were added later
	additions map[string]addition // by provider
}

// holder is the value of the index keys that the record was created with.
func (r *record) holder() string { return r.ID + ":" + r.claim }

// holderOf is the value of the index key of the provider.
func (r *record) holderOf(provider string) string {
	if claim, later := r.claims[provider]; later {
		return r.ID + ":" + claim
	}
	return r.holder()
}

// holderID returns the id of the identity in the value of an index key.
func holderID(value string) (string, error) {
	id, _, _ := strings.Cut(value, ":")
	if !validID(id) {
		return "", corrupt(errors.New("the value of an index key"))
	}
	return id, nil
}

// providerRecord is a provider identity as it is stored. Unlike the type of the
// domain it shows the credential.
type providerRecord struct {
	EntityID     string          `json:"entity_id"`
	Key          string          `json:"key"`
	UserMetadata json.RawMessage `json:"user_metadata,omitempty"`
	Verified     string          `json:"verified_email,omitempty"`
	Credential   string          `json:"credential,omitempty"`
	UpdatedAt    int64           `json:"updated_at,omitempty"` // milliseconds
}

// encodeIdentity returns the fields of a new record and their values in turn.
func encodeIdentity(i *identity.Identity) ([]string, error) {
	if !validID(i.ID) {
		return nil, errors.New("the id of the identity: use letters, digits, '_' and '-'")
	}
	if len(i.Providers) == 0 {
		return nil, errors.New("the identity has no provider")
	}
	fields := []string{
		fieldSchema, strconv.Itoa(schema),
		fieldRevision, "1",
		fieldValidFrom, seconds(i.ValidFrom),
		fieldCreated, millis(i.CreatedAt),
		fieldUpdated, millis(i.UpdatedAt),
	}
	if i.BackendID != "" {
		if !validID(i.BackendID) {
			return nil, errors.New("the backend's id of the identity: use letters, digits, '_' and '-'")
		}
		fields = append(fields, fieldBackendID, i.BackendID)
	}
	for name, value := range i.AppMetadata {
		if !json.Valid(value) {
			return nil, fmt.Errorf("app metadata %q is no JSON", name)
		}
		fields = append(fields, prefixApp+name, string(value))
	}
	for provider, p := range i.Providers {
		text, err := encodeProvider(p)
		if err != nil {
			return nil, fmt.Errorf("provider %q: %w", provider, err)
		}
		fields = append(fields, prefixProvider+provider, text)
	}
	return fields, nil
}

func encodeProvider(p identity.ProviderIdentity) (string, error) {
	credential := p.Credential.Reveal()
	if p.Key == "" || p.EntityID == "" {
		return "", errors.New("no entity")
	}
	// encoding/json would replace what is not UTF-8, and the key read later
	// would not be the one that is indexed.
	if !utf8.ValidString(p.Key) || !utf8.ValidString(p.EntityID) || !utf8.ValidString(credential) || !utf8.ValidString(p.VerifiedEmail) {
		return "", errors.New("not UTF-8")
	}
	if len(p.UserMetadata) > 0 && !isObject(p.UserMetadata) {
		return "", errors.New("the user metadata is no object")
	}
	return encode(providerRecord{p.EntityID, p.Key, p.UserMetadata, p.VerifiedEmail, credential, unixMilli(p.UpdatedAt)})
}

// encode writes JSON that keeps texts as they are: tokens carry the user metadata as
// it was given, and an address would take several times its length with `&` escaped.
func encode(v any) (string, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// decodeRecord reads the fields of a record; nil if there are none.
func decodeRecord(id string, fields map[string]string) (*record, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	if err := checkSchema(fields[fieldSchema]); err != nil {
		return nil, err
	}
	r := &record{revision: fields[fieldRevision], claim: fields[fieldClaim], claims: map[string]string{}, additions: map[string]addition{}}
	r.ID, r.BackendID = id, fields[fieldBackendID]
	r.AppMetadata, r.Providers = identity.Metadata{}, map[string]identity.ProviderIdentity{}
	_, r.pending = fields[fieldPending]
	var errs [3]error
	r.ValidFrom, errs[0] = decodeSeconds(fields[fieldValidFrom])
	r.CreatedAt, errs[1] = decodeMillis(fields[fieldCreated])
	r.UpdatedAt, errs[2] = decodeMillis(fields[fieldUpdated])
	if err := errors.Join(errs[:]...); err != nil {
		return nil, corrupt(err)
	}
	for field, value := range fields {
		if name, ok := strings.CutPrefix(field, prefixApp); ok {
			if !json.Valid([]byte(value)) {
				return nil, corrupt(errors.New("app metadata that is no JSON"))
			}
			r.AppMetadata[name] = json.RawMessage(value)
		}
		if provider, ok := strings.CutPrefix(field, prefixProvider); ok {
			p, err := decodeProvider(provider, value)
			if err != nil {
				return nil, err
			}
			r.Providers[provider] = p
		}
		if provider, ok := strings.CutPrefix(field, prefixAddition); ok {
			a, err := decodeAddition(provider, value)
			if err != nil {
				return nil, err
			}
			r.additions[provider] = a
		}
		if provider, ok := strings.CutPrefix(field, prefixClaim); ok {
			r.claims[provider] = value
		}
	}
	return r, nil
}

func decodeProvider(provider, text string) (identity.ProviderIdentity, error) {
	var p providerRecord
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return identity.ProviderIdentity{}, corrupt(err)
	}
	updated, err := fromMilli(p.UpdatedAt)
	if err != nil {
		return identity.ProviderIdentity{}, corrupt(err)
	}
	if p.Key == "" || p.EntityID == "" || len(p.UserMetadata) > 0 && !isObject(p.UserMetadata) {
		return identity.ProviderIdentity{}, corrupt(errors.New("a provider identity that is not complete"))
	}
	return identity.ProviderIdentity{
		Provider: provider, EntityID: p.EntityID, Key: p.Key, UserMetadata: p.UserMetadata,
		VerifiedEmail: p.Verified, Credential: identity.NewSecret(p.Credential), UpdatedAt: updated,
	}, nil
}

func checkSchema(v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return corrupt(errors.New("a record without schema version"))
	}
	if n > schema {
		return identity.Unavailable("store_schema", fmt.Errorf("the record has schema %d, this version reads up to %d", n, schema))
	}
	return nil
}

// entities returns the index keys of the record in an order that is the same
// for everybody: two who claim the same keys meet at the first.
func (k keyspace) entities(r *record) []string {
	keys := make([]string, 0, len(r.Providers))
	for provider, p := range r.Providers {
		keys = append(keys, k.entity(provider, p.Key))
	}
	slices.Sort(keys)
	return keys
}

// actors returns the keys of the actors that the record is linked to.
func (k keyspace) actors(r *record) []string {
	var keys []string
	for name := range r.AppMetadata {
		if actorType, ok := strings.CutSuffix(name, identity.ActorKey("")); ok {
			if actorID := r.ActorID(actorType); actorID != "" {
				keys = append(keys, k.actor(actorType, actorID))
			}
		}
	}
	return keys
}

func isObject(raw json.RawMessage) bool {
	return json.Valid(raw) && bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{"))
}

// maxMilli is the end of the year 9999, the last that JSON can express.
const maxMilli = 253402300799999

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func millis(t time.Time) string { return strconv.FormatInt(unixMilli(t), 10) }

func seconds(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.Unix(), 10)
}

func decodeMillis(s string) (time.Time, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, errors.New("a time that is no number")
	}
	return fromMilli(n)
}

func decodeSeconds(s string) (time.Time, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > maxMilli/1000 {
		return time.Time{}, errors.New("a time that is no number or out of range")
	}
	return fromMilli(n * 1000)
}

func fromMilli(n int64) (time.Time, error) {
	switch {
	case n == 0:
		return time.Time{}, nil
	case n < 0 || n > maxMilli:
		return time.Time{}, errors.New("a time out of range")
	}
	return time.UnixMilli(n).UTC(), nil
}
