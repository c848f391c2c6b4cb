package medusa

import (
	"time"

	"golang.org/x/time/rate"

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
)

type limits struct {
	clients, shares, addresses *limit.Buckets
	all                        *rate.Limiter
}

func newLimits() (*limits, error) {
	l := &limits{all: rate.NewLimiter(allPerSecond, allBurst)}
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

// allow reports whether the client may try a password for the address. What is
// refused to one client, or to its share of the address, costs others and the
// address nothing. client may be "": those of whom nobody knows are one network.
func (l *limits) allow(client, address string, now time.Time) bool {
	return (client == "" || l.clients.Allow(limit.Network(client, limit.Household), now)) &&
		l.shares.Allow(limit.Network(client, limit.Site)+" "+address, now) &&
		l.addresses.Allow(address, now) && l.all.AllowN(now, 1)
}
