package verify

import (
	"cmp"
	"fmt"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// mintedTTL is the life of a token that is minted for a backend. None is sent
// for longer than half of it, so a forwarded one is good for minutes.
const mintedTTL = 5 * time.Minute

// AccessTokens mints access tokens; *token.Ring does.
type AccessTokens interface {
	Access(c identity.Claims) (string, error)
}

// Minter mints the tokens by which callers reach one backend.
type Minter struct {
	tokens AccessTokens
	clock  func() time.Time
}

// NewMinter makes a Minter. clock tells the time; nil is time.Now.
func NewMinter(tokens AccessTokens, clock func() time.Time) *Minter {
	if clock == nil {
		clock = time.Now
	}
	return &Minter{tokens, clock}
}

// minted is a token that a Minter made for a caller.
type minted struct {
	by            *Minter
	authorization string
	from, until   time.Time // when it may be sent
}

// Authorization returns the field value with a token of the caller's claims and
// of the backend's own id for the identity. The caller keeps it: as long as
// he is remembered, a request costs no signature.
func (m *Minter) Authorization(c *Caller) (string, error) {
	now := m.clock()
	// A clock that was set back must not prolong anything.
	if t := c.minted.Load(); t != nil && t.by == m && !now.Before(t.from) && now.Before(t.until) {
		return t.authorization, nil
	}
	token, err := m.tokens.Access(Forwarded(c.Claims, c.BackendID, now))
	if err != nil {
		return "", fmt.Errorf("minting a token for the backend: %w", err)
	}
	t := &minted{by: m, authorization: bearerPrefix + token, from: now, until: now.Add(mintedTTL / 2)}
	c.minted.Store(t)
	return t.authorization, nil
}

// Forwarded returns the claims by which a backend that knows the identity by
// backendID, "" for our own id, is told of somebody now. The limits of the
// credential that proved him are not those of the claims (reference medusa-v2,
// section 6).
func Forwarded(c identity.Claims, backendID string, now time.Time) identity.Claims {
	c.IdentityID = cmp.Or(backendID, c.IdentityID)
	c.IssuedAt = max(now.Unix(), c.IssuedAt)
	c.ExpiresAt = c.IssuedAt + int64(mintedTTL/time.Second)
	return c
}
