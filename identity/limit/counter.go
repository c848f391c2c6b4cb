package limit

import (
	"context"
	"time"
)

// Rate is what a bucket lets through: so many events at once, and again and again
// one in each Events-th part of the window. The zero Rate is no limit.
type Rate struct {
	Events int
	Window time.Duration
}

// Interval is how long one event takes up its place, in whole microseconds.
func (r Rate) Interval() time.Duration {
	return (r.Window / time.Duration(r.Events)).Truncate(time.Microsecond)
}

// Count is one event of one bucket.
type Count struct {
	Bucket string // its name: letters and `_`
	Of     string // whose it is; any text, a pseudonym of a Limiter's
	Rate   Rate
}

// Reply is what a bucket says of an event.
type Reply struct {
	// Allowed: there was place for the event, and it is counted.
	Allowed bool
	// Wait is how long there is no place, if it is not.
	Wait time.Duration
	// Used is how full the bucket is now: 0 to 1.
	Used float64
	// At is when that was, in microseconds by the clock of the Counter.
	At int64
	// Err: the bucket could not be asked (CodeUnavailable); nothing else counts then.
	Err error
	// ReadOnly, with Err: what keeps the bucket takes no writes now, but can be read.
	ReadOnly bool
}

// Counter counts events on all nodes. It is safe for concurrent use, and of
// parallel calls on however many nodes no more are allowed than the rate lets
// through.
type Counter interface {
	// TakeEvents asks all buckets at once and returns their replies in order.
	TakeEvents(ctx context.Context, counts []Count) []Reply
	// ReturnEvents takes events back that were counted at those times: they never
	// were. What time has given back since is not given back again. An error says
	// that some may still be counted.
	ReturnEvents(ctx context.Context, counts []Count, at []int64) error
	// ForgetEvents empties the buckets.
	ForgetEvents(ctx context.Context, counts []Count) error
	// ForgetBeginning empties all buckets of those names whose Of, letters, digits, `_`
	// and `-`, has that beginning, and returns how many were not empty. It looks at all
	// that is kept, so it takes longer than anybody at a log-in could wait.
	ForgetBeginning(ctx context.Context, names []string, beginning string) (int, error)
}
