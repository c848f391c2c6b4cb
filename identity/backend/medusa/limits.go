package medusa

import (
	"fmt"
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
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
)

type limits struct {
	clients, addresses *buckets
	all                *rate.Limiter
}

func newLimits() (*limits, error) {
	clients, err := newBuckets(clientPerSecond, clientBurst)
	if err != nil {
		return nil, err
	}
	addresses, err := newBuckets(rate.Every(addressEvery), addressBurst)
	if err != nil {
		return nil, err
	}
	return &limits{clients, addresses, rate.NewLimiter(allPerSecond, allBurst)}, nil
}

// allow reports whether the client may try a password for the address. What is
// refused to one client costs neither others nor the address anything. client may
// be "", for nobody knows.
func (l *limits) allow(client, address string, now time.Time) bool {
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
		return nil, fmt.Errorf("medusa: %w", err)
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
