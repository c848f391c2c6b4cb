package medusa

import (
	"context"
	"errors"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Migrate implements identity.Backend. Too many attempts are CodeUnavailable:
// nobody asked whether the password is right.
func (b *Backend) Migrate(ctx context.Context, actorType, identifier, password string) (identity.Account, error) {
	if err := b.limits.Try(ctx, identifier, b.Clock()); err != nil {
		return identity.Account{}, err
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
