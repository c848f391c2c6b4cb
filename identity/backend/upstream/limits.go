package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// The limits of passwords that are tried at the backend by one process. Whoever
// knows that an address has not moved over may try passwords there, and whoever
// tries unknown addresses must not keep others from moving.
const (
	clientPerSecond = 2 // a shop whose own server logs people in is one client
	clientBurst     = 20
	addressEvery    = 12 * time.Second
	addressBurst    = 5
	allPerSecond    = 10
	allBurst        = 50
	// bucketsMost is how many clients, and addresses, are remembered.
	bucketsMost = 16384
	// clientBits is the length of an IPv6 prefix that is one client: less than that
	// is what one household gets.
	clientBits = 64
	// maxAddress is the longest address that is tried, in bytes.
	maxAddress = 1 << 10
)

// Limits count the passwords that were tried at a backend.
type Limits struct {
	clients, addresses *buckets
	all                *rate.Limiter
}

// NewLimits makes Limits.
func NewLimits() (*Limits, error) {
	clients, err := newBuckets(clientPerSecond, clientBurst)
	if err != nil {
		return nil, err
	}
	addresses, err := newBuckets(rate.Every(addressEvery), addressBurst)
	if err != nil {
		return nil, err
	}
	return &Limits{clients, addresses, rate.NewLimiter(allPerSecond, allBurst)}, nil
}

// Try returns nil if a password may be tried for the address now, by the client of
// the context. What is too long for an address is ErrNotFound; too many attempts
// are CodeUnavailable: nobody asked whether the password is right.
func (l *Limits) Try(ctx context.Context, address string, now time.Time) error {
	if len(address) > maxAddress {
		return identity.ErrNotFound
	}
	if !l.allow(identity.ClientOf(ctx), address, now) {
		return identity.Unavailable("migration_limited", errors.New("too many passwords were tried at the backend"))
	}
	return nil
}

// allow reports whether the client may try a password for the address. What is
// refused to one client costs neither others nor the address anything. client may
// be "", for nobody knows.
func (l *Limits) allow(client, address string, now time.Time) bool {
	return (client == "" || l.clients.allow(network(client), now)) && l.addresses.allow(address, now) && l.all.AllowN(now, 1)
}

// network returns what counts as one client.
func network(client string) string {
	address, err := netip.ParseAddr(client)
	if err != nil {
		return client
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	prefix, err := address.Prefix(clientBits)
	if err != nil {
		return client
	}
	return prefix.String()
}

// buckets are limits by name, of those that were used last.
type buckets struct {
	limit  rate.Limit
	burst  int
	byName *lru.Cache[string, *rate.Limiter]
}

func newBuckets(limit rate.Limit, burst int) (*buckets, error) {
	byName, err := lru.New[string, *rate.Limiter](bucketsMost)
	if err != nil {
		return nil, fmt.Errorf("limits of a backend: %w", err)
	}
	return &buckets{limit, burst, byName}, nil
}

func (b *buckets) allow(name string, now time.Time) bool {
	limiter := rate.NewLimiter(b.limit, b.burst)
	if known, ok, _ := b.byName.PeekOrAdd(name, limiter); ok {
		limiter = known
		b.byName.Get(name) // used recently
	}
	return limiter.AllowN(now, 1)
}
