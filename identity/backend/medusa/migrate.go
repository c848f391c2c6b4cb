package medusa

import (
	"context"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// The limits of passwords that are tried at the backend by one process. Whoever
// knows that an address has not moved over may try passwords there.
const (
	addressEvery = 12 * time.Second
	addressBurst = 5
	allPerSecond = 10
	allBurst     = 20
	addressesMax = 16384
	// maxIdentifier is the longest address that is tried, in bytes.
	maxIdentifier = 1 << 10
)

type limits struct {
	all       *rate.Limiter
	addresses *lru.Cache[string, *rate.Limiter]
}

func newLimits() (*limits, error) {
	addresses, err := lru.New[string, *rate.Limiter](addressesMax)
	if err != nil {
		return nil, fmt.Errorf("medusa: %w", err)
	}
	return &limits{rate.NewLimiter(allPerSecond, allBurst), addresses}, nil
}

func (l *limits) allow(address string, now time.Time) bool {
	limiter := rate.NewLimiter(rate.Every(addressEvery), addressBurst)
	if known, ok, _ := l.addresses.PeekOrAdd(address, limiter); ok {
		limiter = known
		l.addresses.Get(address) // used recently
	}
	return limiter.AllowN(now, 1) && l.all.AllowN(now, 1)
}

// Migrate implements identity.Backend. Too many attempts are CodeUnavailable:
// nobody asked whether the password is right.
func (b *Backend) Migrate(ctx context.Context, actorType, identifier, password string) (identity.Account, error) {
	if len(identifier) > maxIdentifier {
		return identity.Account{}, identity.ErrNotFound
	}
	if !b.limits.allow(identifier, b.Clock()) {
		return identity.Account{}, identity.Unavailable("migration_limited", errors.New("too many passwords were tried at the backend"))
	}
	account, err := b.login(ctx, actorType, credentials{identifier, password})
	if errors.Is(err, identity.ErrSecondFactor) {
		// Whoever guesses is not told that this one was right.
		return identity.Account{}, identity.ErrNotFound
	}
	return account, err
}
