package medusa

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/upstream"
)

// Shadow says which address an identity has at the backend.
type Shadow string

// The kinds of shadow.
const (
	// Mirror: the address of an emailpass identity is its own. Others, whose
	// address may belong to another account there, are as with Random.
	Mirror Shadow = "mirror"
	// Random: an address that exists nowhere, derived from provider and entity.
	Random Shadow = "random"
	// Off: none is made.
	Off Shadow = "off"
)

// shadowActor is the actor type at whose routes opaque shadows are made. Medusa
// has no list of actor types, and lets those that a shop has not restricted use
// every provider; an identity there belongs to none.
const shadowActor = "sidecar"

const (
	messageExists  = "Identity with email already exists"
	messageInvalid = "Invalid email or password"
)

type credentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Shadow implements identity.Backend. Registering answers the same again while
// no actor is linked, logging in does afterwards (reference medusa-v2, section
// 3), and also where two registrations at once made the database refuse one of
// them, in words of its own.
func (b *Backend) Shadow(ctx context.Context, actorType string, p identity.ProviderIdentity) (identity.Account, error) {
	if b.Config.Shadow == Off {
		return identity.Account{}, nil
	}
	actorType, c := b.shadowOf(actorType, p)
	r, err := b.post(ctx, "", c, actorType, identity.EmailPass, "register")
	if err != nil {
		return identity.Account{}, err
	}
	if r.status == http.StatusUnauthorized && r.Type == "unauthorized" {
		account, err := b.ours(ctx, actorType, c.Email, p)
		known := !errors.Is(err, identity.ErrNotFound) && !errors.Is(err, identity.ErrSecondFactor)
		switch {
		case known:
			return account, err
		case r.Message == messageExists:
			return identity.Account{}, identity.ErrExists
		}
	}
	if r.status != http.StatusOK {
		return identity.Account{}, unexpected("registering a shadow", r)
	}
	return r.account("registering a shadow")
}

// ours returns the shadow that has the address already, made with whichever key,
// or identity.ErrNotFound.
func (b *Backend) ours(ctx context.Context, actorType, address string, p identity.ProviderIdentity) (identity.Account, error) {
	keys := []identity.Secret{b.Key}
	if b.mirrors(p) { // another key gives another address to those that mirror none
		keys = append(keys, b.PreviousKeys...)
	}
	for _, key := range keys {
		account, err := b.login(ctx, actorType, credentials{address, upstream.Password(key, p)})
		if !errors.Is(err, identity.ErrNotFound) {
			return account, err
		}
	}
	return identity.Account{}, identity.ErrNotFound
}

// Account implements identity.Backend.
func (b *Backend) Account(ctx context.Context, actorType string, p identity.ProviderIdentity) (identity.Account, error) {
	account, err := b.login(ctx, actorType, credentials{p.Key, upstream.Password(b.Key, p)})
	if err != nil {
		return identity.Account{}, err
	}
	return b.present(ctx, account)
}

// login returns the account that the credentials open, or identity.ErrNotFound;
// identity.ErrSecondFactor if they are not enough.
func (b *Backend) login(ctx context.Context, actorType string, c credentials) (identity.Account, error) {
	r, err := b.post(ctx, "", c, actorType, identity.EmailPass)
	switch {
	case err != nil:
		return identity.Account{}, err
	case r.is(http.StatusUnauthorized, "unauthorized", messageInvalid):
		return identity.Account{}, identity.ErrNotFound
	case r.status != http.StatusOK:
		return identity.Account{}, unexpected("logging in at the backend", r)
	case r.MFARequired:
		// Without the second factor, which stays there, the account must not move.
		b.Logger.WarnContext(ctx, "account of the backend has a second factor and does not move over", "reason", "migration_mfa")
		return identity.Account{}, identity.ErrSecondFactor
	}
	return r.account("logging in at the backend")
}

// mirrors reports whether the shadow has the address of the account itself.
func (b *Backend) mirrors(p identity.ProviderIdentity) bool {
	return b.Config.Shadow == Mirror && p.Provider == identity.EmailPass
}

// shadowOf returns the credentials of a shadow and the actor type to use.
func (b *Backend) shadowOf(actorType string, p identity.ProviderIdentity) (string, credentials) {
	if b.mirrors(p) {
		// Not as it was typed: Medusa would keep another account with the address in
		// the form that is unique here, and its owner could not move over.
		return actorType, credentials{p.Key, upstream.Password(b.Key, p)}
	}
	address := "shadow-" + hex.EncodeToString(upstream.Derive(b.Key, "address", p)) + "@sidecar.invalid"
	return shadowActor, credentials{address, upstream.Password(b.Key, p)}
}

// tokenClaims are the claims of a token in the backend's answer that matter here.
type tokenClaims struct {
	ActorID     string                     `json:"actor_id"`
	IdentityID  string                     `json:"auth_identity_id"`
	AppMetadata map[string]json.RawMessage `json:"app_metadata"`
}

// claims reads the token of an answer. Its signature does not matter: it came
// from the backend itself.
func (r *reply) claims(doing string) (tokenClaims, error) {
	var c tokenClaims
	parts := strings.Split(r.Token, ".")
	if len(parts) != 3 {
		return c, unexpected(doing, r)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil || c.IdentityID == "" {
		return tokenClaims{}, unexpected(doing, r)
	}
	return c, nil
}

func (r *reply) account(doing string) (identity.Account, error) {
	c, err := r.claims(doing)
	if err != nil {
		return identity.Account{}, err
	}
	return identity.Account{ID: c.IdentityID, AppMetadata: c.AppMetadata}, nil
}
