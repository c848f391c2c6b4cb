package limit

import (
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Remembered is how many names Buckets know, those that were used last.
const Remembered = 16384

// Buckets are token buckets by name. A name that is not known has a full one.
// They are safe for concurrent use.
type Buckets struct {
	limit  rate.Limit
	burst  int
	byName *lru.Cache[string, *rate.Limiter]
}

// NewBuckets makes buckets of burst tokens, each filled with limit tokens a second.
func NewBuckets(limit rate.Limit, burst int) (*Buckets, error) {
	byName, err := lru.New[string, *rate.Limiter](Remembered)
	if err != nil {
		return nil, fmt.Errorf("remembering limits: %w", err)
	}
	return &Buckets{limit, burst, byName}, nil
}

// Allow takes a token from the name's bucket, and reports whether there was one.
func (b *Buckets) Allow(name string, now time.Time) bool {
	limiter := rate.NewLimiter(b.limit, b.burst)
	if known, ok, _ := b.byName.PeekOrAdd(name, limiter); ok {
		limiter = known
		b.byName.Get(name) // used recently
	}
	return limiter.AllowN(now, 1)
}
