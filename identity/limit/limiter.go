package limit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Config is what a Limiter is made of. Counter is required.
type Config struct {
	Counter Counter
	// Rates replace those of Defaults, by bucket; the zero Rate is no limit.
	Rates map[identity.Bucket]Rate
	// Trusted are networks whose clients are not limited by their address: a server
	// of the shop's own, which logs people in.
	Trusted []netip.Prefix
	// Key makes pseudonyms of names: the same on all nodes. Default: none, and whoever
	// reads a bucket's name can try whose it is.
	Key identity.Secret
	// Clock tells the time where the Counter cannot. Default: time.Now.
	Clock func() time.Time
}

// Limiter implements identity.Limiter.
type Limiter struct {
	Config
	buckets map[identity.Bucket]bucket
	local   map[identity.Bucket]*Buckets
}

var _ identity.Limiter = (*Limiter)(nil)

// New checks the configuration and makes a Limiter.
func New(c Config) (*Limiter, error) {
	if c.Counter == nil {
		return nil, errors.New("limits: nothing counts")
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	rates := Defaults()
	maps.Copy(rates, c.Rates)
	l := &Limiter{Config: c, buckets: make(map[identity.Bucket]bucket), local: make(map[identity.Bucket]*Buckets)}
	for name, rate := range rates {
		if err := Check(string(name), rate); err != nil {
			return nil, fmt.Errorf("limits: %w", err)
		}
	}
	for _, b := range buckets {
		if b.rate = rates[b.name]; b.rate == (Rate{}) {
			continue
		}
		var err error
		if l.local[b.name], err = standIn(b.rate); err != nil {
			return nil, err
		}
		l.buckets[b.name] = b
	}
	return l, nil
}

// Take implements identity.Limiter. Where some buckets cannot be asked, or all are
// read-only, smaller ones of this process stand in for them: accounts may be readable
// then, and passwords be judged. Where none can be asked nothing is.
func (l *Limiter) Take(ctx context.Context, s identity.Subject, names ...identity.Bucket) ([]identity.Verdict, error) {
	counts := l.counts(s, names)
	if len(counts) == 0 {
		return nil, nil
	}
	verdicts := make([]identity.Verdict, len(counts))
	failed := 0
	var failure error // of one that cannot even be read
	for n, reply := range l.Counter.TakeEvents(ctx, counts) {
		v := identity.Verdict{
			Bucket: identity.Bucket(counts[n].Bucket), Of: counts[n].Of,
			Allowed: reply.Allowed, Wait: reply.Wait, Used: reply.Used, At: reply.At,
		}
		if reply.Err != nil {
			if failed++; !reply.ReadOnly {
				failure = reply.Err
			}
			v = l.standIn(v)
		}
		verdicts[n] = v
	}
	if failed == len(counts) && failure != nil {
		return nil, fmt.Errorf("counting: %w", failure)
	}
	return verdicts, nil
}

// Refund implements identity.Limiter.
func (l *Limiter) Refund(ctx context.Context, taken []identity.Verdict) error {
	var counts []Count
	var at []int64
	for _, v := range taken {
		if b, ok := l.buckets[v.Bucket]; ok && v.Allowed && v.At != 0 {
			counts, at = append(counts, Count{string(v.Bucket), v.Of, b.rate}), append(at, v.At)
		}
	}
	if len(counts) == 0 {
		return nil
	}
	return l.Counter.ReturnEvents(ctx, counts, at)
}

// Clear implements identity.Limiter. The stand-ins are left to time.
func (l *Limiter) Clear(ctx context.Context, s identity.Subject, names ...identity.Bucket) error {
	counts := l.counts(s, names)
	if len(counts) == 0 {
		return nil
	}
	return l.Counter.ForgetEvents(ctx, counts)
}

// guesses are the buckets in which guesses at an account count.
var guesses = []identity.Bucket{identity.BucketAccount, identity.BucketNetwork, identity.BucketDevice, identity.BucketDevices}

// Unlock implements identity.Limiter. The stand-ins are left to time.
func (l *Limiter) Unlock(ctx context.Context, account string) (int, error) {
	var names []string
	for _, name := range guesses {
		if _, limited := l.buckets[name]; limited {
			names = append(names, string(name))
		}
	}
	if len(names) == 0 {
		return 0, nil
	}
	return l.Counter.ForgetBeginning(ctx, names, pseudonym(l.Key, account))
}

// counts returns an event of the subject in each of those buckets that are limited
// and for it.
func (l *Limiter) counts(s identity.Subject, names []identity.Bucket) []Count {
	trusted := trusts(l.Trusted, s.Client)
	counts := make([]Count, 0, len(names))
	for _, name := range names {
		b, limited := l.buckets[name]
		if !limited || b.byClient && trusted {
			continue
		}
		if names, ok := b.of(s); ok {
			counts = append(counts, Count{string(name), pseudonyms(l.Key, names), b.rate})
		}
	}
	return counts
}
