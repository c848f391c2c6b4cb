package medusa

import (
	"context"
	"errors"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/upstream"
)

// Migrate implements identity.Backend.
func (b *Backend) Migrate(ctx context.Context, actorType, identifier, password string) (identity.Account, error) {
	if len(identifier) > upstream.MaxAddress {
		return identity.Account{}, identity.ErrNotFound
	}
	account, err := b.login(ctx, actorType, credentials{identifier, password})
	if errors.Is(err, identity.ErrSecondFactor) {
		// Whoever guesses is not told that this one was right.
		return identity.Account{}, identity.ErrNotFound
	}
	if err != nil {
		return identity.Account{}, err
	}
	return b.present(ctx, account)
}
