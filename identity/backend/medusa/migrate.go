package medusa

import (
	"context"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Migrate implements identity.Backend. Too many attempts are CodeUnavailable:
// nobody asked whether the password is right.
func (b *Backend) Migrate(ctx context.Context, actorType, identifier, password string) (identity.Account, error) {
	if err := b.limits.Try(identifier, b.Clock()); err != nil {
		return identity.Account{}, err
	}
	return b.login(ctx, actorType, credentials{identifier, password})
}
