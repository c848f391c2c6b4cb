package token

import (
	"errors"
	"fmt"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// v1Domains are the actor types that the older dialect knows, with the domain
// and the member that name them in its tokens (reference medusa-v1, section 5).
var v1Domains = []struct{ actorType, domain, member string }{
	{"customer", "store", "customer_id"},
	{"user", "admin", "user_id"},
}

type v1Payload struct {
	CustomerID string `json:"customer_id,omitempty"`
	UserID     string `json:"user_id,omitempty"`
	Domain     string `json:"domain"`
	IssuedAt   int64  `json:"iat"`
	ExpiresAt  int64  `json:"exp"`
	Audience   string `json:"aud,omitempty"`
	Issuer     string `json:"iss,omitempty"`
}

// V1 mints access tokens in the form of Medusa v1, with the keys of a Ring.
type V1 struct{ ring *Ring }

// V1 returns what mints tokens of the older dialect with the ring's first key. A
// Medusa v1 itself takes them if that key is its own secret.
func (r *Ring) V1() V1 { return V1{r} }

// Access mints an access token: the id of the actor, the domain, iat and exp,
// then aud and iss when the ring has them. Nothing else of c counts. The actor
// type must be `customer` or `user`, and there must be an actor.
func (v V1) Access(c identity.Claims) (string, error) {
	p := v1Payload{IssuedAt: c.IssuedAt, ExpiresAt: c.ExpiresAt, Audience: v.ring.audience, Issuer: v.ring.issuer}
	for _, d := range v1Domains {
		if d.actorType == c.ActorType {
			p.Domain = d.domain
		}
	}
	switch {
	case c.ActorID == "":
		return "", errors.New("minting a v1 token: no actor")
	case p.Domain == "":
		return "", fmt.Errorf("minting a v1 token: the actor type %q is none of v1's", c.ActorType)
	case c.ActorType == "customer":
		p.CustomerID = c.ActorID
	default:
		p.UserID = c.ActorID
	}
	token, err := v.ring.mint(p)
	if err != nil {
		return "", fmt.Errorf("minting a v1 token: %w", err)
	}
	return token, nil
}

// isV1 reports whether a token is of the older dialect: it says no actor type,
// which ours always do, and has a domain. Invites and order claims, which v1
// signs with the same key, have none.
func isV1(o *object) bool { return !o.has("actor_type") && o.has("domain") }

// parseV1 returns the claims of a token of the older dialect. Unlike v1 we
// demand exp.
func (r *Ring) parseV1(o *object) (*identity.Claims, error) {
	c := &identity.Claims{ByActor: true}
	domain := o.text("domain")
	for _, d := range v1Domains {
		if d.domain == domain {
			c.ActorType, c.ActorID = d.actorType, o.text(d.member)
		}
	}
	var err error
	if c.IssuedAt, c.ExpiresAt, err = r.checkRegistered(o); err != nil {
		return nil, err
	}
	if c.ActorID == "" {
		return nil, refuse(reasonClaims, errors.New("no actor of the domain"))
	}
	return c, nil
}
