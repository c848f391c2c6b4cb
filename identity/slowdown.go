package identity

import (
	"context"
	"time"
)

const (
	// maxDelay is the longest that an attempt is held up.
	maxDelay = 2 * time.Second
	// maxDelayed is how many are held up at once. Others go on: what may be tried in
	// all is bounded by the buckets, and nobody is kept out by those who wait.
	maxDelayed = 128
)

// slowdown holds requests up, a bounded number at once.
type slowdown chan struct{}

func newSlowdown() slowdown { return make(slowdown, maxDelayed) }

// delay is how long an attempt waits for its judgement: from half of an account's
// bucket on, ever longer.
func delay(verdicts []Verdict) time.Duration {
	used := 0.0
	for _, v := range verdicts {
		switch v.Bucket {
		case BucketAccount, BucketNetwork, BucketDevice:
			used = max(used, v.Used)
		}
	}
	return min(time.Duration(2*(used-0.5)*float64(maxDelay)), maxDelay)
}

// wait returns after that time. It fails with CodeUnavailable when ctx ends before.
func (s slowdown) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case s <- struct{}{}:
	default:
		return nil
	}
	defer func() { <-s }()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return Unavailable("delay_cancelled", ctx.Err())
	}
}
