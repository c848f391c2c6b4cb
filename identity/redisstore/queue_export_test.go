package redisstore

import (
	"context"
	"time"
)

// SetLimit changes how many requests may wait.
func (q *Queue) SetLimit(n int) { q.limit = n }

// SweepAt is Sweep with other times of silence after which consumers and groups
// are gone.
func (q *Queue) SweepAt(ctx context.Context, age, consumer, group time.Duration) error {
	return q.run(ctx, sweepScript, age.Milliseconds(), consumer.Milliseconds(), group.Milliseconds()).Err()
}
