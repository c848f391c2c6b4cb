package token

import (
	"errors"
	"fmt"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

type accessPayload struct {
	identity.Claims
	Audience string `json:"aud,omitempty"`
	Issuer   string `json:"iss,omitempty"`
}

// Access mints an access token: the claims in their order, then aud and iss when
// the ring has them. The times are the caller's. Equal claims give equal
// tokens, except with ECDSA, whose signatures differ every time.
func (r *Ring) Access(c identity.Claims) (string, error) {
	if len(c.UserMetadata) == 0 || isNull(c.UserMetadata) {
		c.UserMetadata = []byte("{}")
	}
	if c.ActorType == "" {
		return "", errors.New("minting an access token: no actor type")
	}
	if c.UserMetadata[0] != '{' {
		return "", fmt.Errorf("minting an access token: user metadata: %w", errNotObject)
	}
	token, err := r.mint(accessPayload{Claims: c, Audience: r.audience, Issuer: r.issuer})
	if err != nil {
		return "", fmt.Errorf("minting an access token: %w", err)
	}
	return token, nil
}

// ParseAccess returns the claims of an access token that the ring signed and
// that is valid now. The claims are what the token says: an empty identity,
// provider or actor is not an error here, and IssuedAt is 0 if the token has no
// iat. Metadata is nil where the token has none. A token of the older dialect
// gives claims that say ByActor and name the actor alone. Every error is an
// *identity.Error with CodeUnauthorized; doc.go lists the reasons.
func (r *Ring) ParseAccess(raw string) (*identity.Claims, error) {
	payload, err := r.verify(raw)
	if err != nil {
		return nil, err
	}
	o, err := parseObject(payload)
	if err != nil {
		return nil, refuse(reasonMalformed, err)
	}
	// A token with a purpose is for that alone; Medusa before 2.16 marked its
	// reset tokens by their members only.
	if o.has("purpose") || o.has("jti") && o.has("entity_id") {
		return nil, refuse(reasonPurpose, nil)
	}
	if isV1(o) {
		return r.parseV1(o)
	}
	c := &identity.Claims{
		ActorID:      o.text("actor_id"),
		ActorType:    o.text("actor_type"),
		IdentityID:   o.text("auth_identity_id"),
		Provider:     o.text("auth_provider"),
		MFAEnabled:   o.flag("mfa_enabled"),
		MFACompleted: o.time("mfa_challenge_completed_at"),
		AppMetadata:  o.metadata("app_metadata"),
		UserMetadata: o.object("user_metadata"),
	}
	c.IssuedAt, c.ExpiresAt, err = r.checkRegistered(o)
	if err != nil {
		return nil, err
	}
	if c.ActorType == "" {
		return nil, refuse(reasonClaims, errors.New("no actor type"))
	}
	return c, nil
}
