package medusa

import (
	"context"
	"errors"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// maxIdentifier is the longest address that is tried, in bytes.
const maxIdentifier = 1 << 10

// Migrate implements identity.Backend. Too many attempts are CodeUnavailable:
// nobody asked whether the password is right.
func (b *Backend) Migrate(ctx context.Context, actorType, identifier, password string) (identity.Account, error) {
	if len(identifier) > maxIdentifier {
		return identity.Account{}, identity.ErrNotFound
	}
	if !b.limits.allow(identity.ClientOf(ctx), identifier, b.Clock()) {
		return identity.Account{}, identity.Unavailable("migration_limited", errors.New("too many passwords were tried at the backend"))
	}
	account, err := b.login(ctx, actorType, credentials{identifier, password})
	if errors.Is(err, identity.ErrSecondFactor) {
		// Whoever guesses is not told that this one was right.
		return identity.Account{}, identity.ErrNotFound
	}
	return account, err
}
