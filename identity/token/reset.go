package token

import (
	"errors"
	"fmt"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

var _ identity.ResetTokens = (*Ring)(nil)

type resetPayload struct {
	identity.ResetClaims
	Audience string `json:"aud,omitempty"`
	Issuer   string `json:"iss,omitempty"`
}

// Reset mints a password-reset token: the claims in their order, then aud and
// iss when the ring has them. The purpose is set whatever c says. All texts are
// required.
func (r *Ring) Reset(c identity.ResetClaims) (identity.Secret, error) {
	c.Purpose = identity.PurposeReset
	if err := checkReset(&c); err != nil {
		return identity.Secret{}, fmt.Errorf("minting a reset token: %w", err)
	}
	token, err := r.mint(resetPayload{ResetClaims: c, Audience: r.audience, Issuer: r.issuer})
	if err != nil {
		return identity.Secret{}, fmt.Errorf("minting a reset token: %w", err)
	}
	return identity.NewSecret(token), nil
}

// ParseReset returns the claims of a reset token that the ring signed and that
// is valid now. Whether it was used already only the store knows. Every error
// is an *identity.Error with CodeUnauthorized; doc.go lists the reasons.
func (r *Ring) ParseReset(raw string) (*identity.ResetClaims, error) {
	payload, err := r.verify(raw)
	if err != nil {
		return nil, err
	}
	o, err := parseObject(payload)
	if err != nil {
		return nil, refuse(reasonMalformed, err)
	}
	c := &identity.ResetClaims{
		EntityID:  o.text("entity_id"),
		Provider:  o.text("provider"),
		ActorType: o.text("actor_type"),
		Purpose:   o.text("purpose"),
		ID:        o.text("jti"),
	}
	if c.Purpose != identity.PurposeReset {
		return nil, refuse(reasonPurpose, nil)
	}
	c.IssuedAt, c.ExpiresAt, err = r.checkRegistered(o)
	if err != nil {
		return nil, err
	}
	if err := checkReset(c); err != nil {
		return nil, refuse(reasonClaims, err)
	}
	return c, nil
}

func checkReset(c *identity.ResetClaims) error {
	if c.EntityID == "" || c.Provider == "" || c.ActorType == "" || c.ID == "" {
		return errors.New("entity, provider, actor type and id must not be empty")
	}
	return nil
}
