package upstream

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
)

// The limits of passwords that are tried at the backend by one process. Whoever
// knows that an address has not moved over may try passwords there, and whoever
// tries unknown addresses must not keep others from moving.
const (
	clientPerSecond = 2 // a shop whose own server logs people in is one client
	clientBurst     = 20
	// A network has a fifth of what there is for an address, and a quarter of the
	// burst, so that nobody keeps somebody else from moving over alone.
	shareEvery   = time.Minute
	shareBurst   = 5
	addressEvery = 12 * time.Second
	addressBurst = 20
	allPerSecond = 10
	allBurst     = 50
	// maxAddress is the longest address that is tried, in bytes.
	maxAddress = 1 << 10
)

// Limits count the passwords that were tried at a backend.
type Limits struct {
	clients, shares, addresses *limit.Buckets
	all                        *rate.Limiter
}

// NewLimits makes Limits.
func NewLimits() (*Limits, error) {
	l := &Limits{all: rate.NewLimiter(allPerSecond, allBurst)}
	for _, b := range []struct {
		buckets **limit.Buckets
		limit   rate.Limit
		burst   int
	}{
		{&l.clients, clientPerSecond, clientBurst},
		{&l.shares, rate.Every(shareEvery), shareBurst},
		{&l.addresses, rate.Every(addressEvery), addressBurst},
	} {
		var err error
		if *b.buckets, err = limit.NewBuckets(b.limit, b.burst); err != nil {
			return nil, err
		}
	}
	return l, nil
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
// refused to one client, or to its share of the address, costs others and the
// address nothing. client may be "": those of whom nobody knows are one network.
func (l *Limits) allow(client, address string, now time.Time) bool {
	return (client == "" || l.clients.Allow(limit.Network(client, limit.Household), now)) &&
		l.shares.Allow(limit.Network(client, limit.Site)+" "+address, now) &&
		l.addresses.Allow(address, now) && l.all.AllowN(now, 1)
}
