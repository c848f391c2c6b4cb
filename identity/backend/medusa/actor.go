package medusa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// mintedTTL is the life of a token for one call.
const mintedTTL = time.Minute

const messageGone = "Invalid auth identity while refreshing token"

var errRefused = errors.New("the backend refuses our tokens: the secret configured for it is not its own jwtSecret")

// Actor implements identity.Backend.
func (b *Backend) Actor(ctx context.Context, c identity.Claims) (string, error) {
	c.ActorID = ""
	r, err := b.refresh(ctx, c)
	switch {
	case err != nil:
		return "", err
	case r.is(http.StatusUnauthorized, "unauthorized", messageGone):
		return "", identity.ErrNotFound
	case r.status != http.StatusOK:
		return "", unexpected("asking for an actor", r)
	}
	claims, err := r.claims("asking for an actor")
	if err != nil || claims.ActorID == "" || c.ActorType != "user" {
		return claims.ActorID, err
	}
	gone, err := b.gone(ctx, claims.ActorID)
	if err != nil || gone {
		return "", err
	}
	return claims.ActorID, nil
}

// gone reports whether a user was deleted. Medusa unlinks a deleted user from one
// identity alone, and lets others go on in their name: a user whom it found by
// the address of somebody from a third party has two.
func (b *Backend) gone(ctx context.Context, userID string) (bool, error) {
	const doing = "asking whether a user is there"
	token, err := b.mint(identity.Claims{ActorType: "user", ActorID: userID, Provider: identity.EmailPass})
	if err != nil {
		return false, err
	}
	r, err := b.send(ctx, b.client, http.MethodGet, "/admin/users/me?fields=id", token, nil)
	switch {
	case err != nil:
		return false, err
	case refused(r):
		b.Logger.ErrorContext(ctx, errRefused.Error(), "reason", "backend_secret")
		return false, identity.Unavailable("backend_secret", errRefused)
	case r.status == http.StatusNotFound && r.Type == "not_found":
		b.Logger.WarnContext(ctx, "a deleted user has an identity at the backend still", "reason", "user_gone", "actor_id", userID)
		return true, nil
	case r.status != http.StatusOK:
		return false, unexpected(doing, r)
	}
	return false, nil
}

// present returns the account without a user who was deleted.
func (b *Backend) present(ctx context.Context, account identity.Account) (identity.Account, error) {
	named := identity.Identity{AppMetadata: account.AppMetadata}
	userID := named.ActorID("user")
	if userID == "" {
		return account, nil
	}
	gone, err := b.gone(ctx, userID)
	if err != nil {
		return identity.Account{}, err
	}
	if gone {
		delete(account.AppMetadata, identity.ActorKey("user"))
	}
	return account, nil
}

// refresh calls the route that reads the identity anew. It fails when the
// backend does not take the token for one of its own.
func (b *Backend) refresh(ctx context.Context, c identity.Claims) (*reply, error) {
	token, err := b.mint(c)
	if err != nil {
		return nil, err
	}
	r, err := b.post(ctx, token, struct{}{}, "token", "refresh")
	if err != nil {
		return nil, err
	}
	if refused(r) {
		b.Logger.ErrorContext(ctx, errRefused.Error(), "reason", "backend_secret")
		return nil, identity.Unavailable("backend_secret", errRefused)
	}
	return r, nil
}

// refused reports whether the answer is that of Medusa's authentication, and not
// of a route: it has no type.
func refused(r *reply) bool {
	return r.is(http.StatusUnauthorized, "", "Unauthorized")
}

func (b *Backend) mint(c identity.Claims) (string, error) {
	now := b.Clock()
	c.IssuedAt, c.ExpiresAt = now.Unix(), now.Add(mintedTTL).Unix()
	token, err := b.Tokens.Access(c)
	if err != nil {
		return "", fmt.Errorf("minting a token for the backend: %w", err)
	}
	return token, nil
}

// CreateUser implements identity.Backend. Medusa links the identity to an
// existing user by the address in the token, so the caller must have verified it
// (reference medusa-v2, section 8).
func (b *Backend) CreateUser(ctx context.Context, c identity.Claims, email string) (json.RawMessage, string, error) {
	metadata, err := json.Marshal(map[string]string{"email": email})
	if err != nil {
		return nil, "", fmt.Errorf("encoding an address: %w", err)
	}
	c.ActorID, c.ActorType, c.Provider, c.UserMetadata = "", "user", identity.EmailPass, metadata
	token, err := b.mint(c)
	if err != nil {
		return nil, "", err
	}
	r, err := b.post(ctx, token, struct{}{}, identity.EmailPass, "user")
	if err != nil {
		return nil, "", err
	}
	if refused(r) {
		b.Logger.ErrorContext(ctx, errRefused.Error(), "reason", "backend_secret")
		return nil, "", identity.Unavailable("backend_secret", errRefused)
	}
	var user struct {
		ID string `json:"id"`
	}
	if r.status != http.StatusOK || json.Unmarshal(r.User, &user) != nil || user.ID == "" {
		return nil, "", unexpected("creating a user", r)
	}
	return r.body, user.ID, nil
}
