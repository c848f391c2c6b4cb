package upstream

import (
	"errors"
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

// Limits count the passwords that were tried at a backend.
type Limits struct {
	all       *rate.Limiter
	addresses *lru.Cache[string, *rate.Limiter]
}

// NewLimits makes Limits.
func NewLimits() *Limits {
	addresses, err := lru.New[string, *rate.Limiter](addressesMax)
	if err != nil {
		panic(err) // of a size that is not positive
	}
	return &Limits{rate.NewLimiter(allPerSecond, allBurst), addresses}
}

// Try returns nil if a password may be tried for the address now. What is too
// long for an address is ErrNotFound; too many attempts are CodeUnavailable:
// nobody asked whether the password is right.
func (l *Limits) Try(address string, now time.Time) error {
	if len(address) > maxIdentifier {
		return identity.ErrNotFound
	}
	limiter := rate.NewLimiter(rate.Every(addressEvery), addressBurst)
	if known, ok, _ := l.addresses.PeekOrAdd(address, limiter); ok {
		limiter = known
		l.addresses.Get(address) // used recently
	}
	if limiter.AllowN(now, 1) && l.all.AllowN(now, 1) {
		return nil
	}
	return identity.Unavailable("migration_limited", errors.New("too many passwords were tried at the backend"))
}
