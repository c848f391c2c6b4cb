package limit

import (
	"time"

	"golang.org/x/time/rate"
)

// The limits of log-ins at third parties: every start and every callback counts.
const (
	thirdPartyPerSecond    = 1 // of one client
	thirdPartyBurst        = 20
	thirdPartyAllPerSecond = 50
	thirdPartyAllBurst     = 200
)

// Clients limits what each client does and what all do together. It implements
// identity.Limit and is safe for concurrent use.
type Clients struct {
	each *Buckets
	all  *rate.Limiter
}

// NewThirdParties makes the limits of log-ins at third parties: of a client (an
// IPv4 address, a /64 of IPv6) 20 at once and then one a second, of all 200 at
// once and then 50 a second.
func NewThirdParties() (*Clients, error) {
	each, err := NewBuckets(thirdPartyPerSecond, thirdPartyBurst)
	if err != nil {
		return nil, err
	}
	return &Clients{each, rate.NewLimiter(thirdPartyAllPerSecond, thirdPartyAllBurst)}, nil
}

// Allow reports whether the client may do it now. What is refused to one client
// costs the others nothing. client may be "": those of whom nobody knows are
// limited together with all alone.
func (c *Clients) Allow(client string, now time.Time) bool {
	return (client == "" || c.each.Allow(Network(client, Household), now)) && c.all.AllowN(now, 1)
}
