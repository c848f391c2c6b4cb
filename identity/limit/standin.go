package limit

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// stricter is how much smaller a bucket is that one process has for itself, while
// nobody knows what the others let through.
const stricter = 4

// standIn makes the buckets of one process in place of those at that rate.
func standIn(r Rate) (*Buckets, error) {
	return NewBuckets(rate.Every(stricter*r.Interval()), max(1, r.Events/stricter))
}

// standIn answers for a bucket that could not be asked. Nothing of it is given back.
func (l *Limiter) standIn(v identity.Verdict) identity.Verdict {
	if l.local[v.Bucket].Allow(v.Of, l.Clock()) {
		return identity.Verdict{Bucket: v.Bucket, Of: v.Of, Allowed: true}
	}
	wait := stricter * l.buckets[v.Bucket].rate.Interval()
	return identity.Verdict{Bucket: v.Bucket, Of: v.Of, Wait: max(wait, time.Second), Used: 1}
}
