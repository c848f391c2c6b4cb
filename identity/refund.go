package identity

import "context"

// maxRefunds is how many are given back behind the answers at once.
const maxRefunds = 64

// refunds give back what attempts took, a bounded number behind the answers. Others
// wait for theirs: what is no guess must not stay counted because there is much of it.
type refunds chan struct{}

func newRefunds() refunds { return make(refunds, maxRefunds) }

// give gives back what was taken, whatever becomes of ctx. Should it fail, time
// gives it back.
func (r refunds) give(ctx context.Context, l Limiter, taken []Verdict) {
	if len(taken) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx)
	select {
	case r <- struct{}{}:
		go func() {
			defer func() { <-r }()
			_ = l.Refund(ctx, taken)
		}()
	default:
		_ = l.Refund(ctx, taken) // the Limiter bounds the time
	}
}
