package caddymodule

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	retryFirst   = 250 * time.Millisecond
	retryLongest = 10 * time.Second
	retryFor     = 15 * time.Minute
	retryMost    = 1000 // at once, so that an outage cannot fill the memory
)

// retries records what the backend did when the store could not be asked, as
// soon as it can be. They outlive the configuration: what they record is true
// whatever is configured.
type retries struct {
	running atomic.Int64
	logger  *zap.Logger
}

func newRetries(logger *zap.Logger) *retries { return &retries{logger: logger} }

// add runs the operation in the background until the store takes it. The
// operation must be idempotent.
func (t *retries) add(operation func(ctx context.Context) error) {
	if t.running.Add(1) > retryMost {
		t.running.Add(-1)
		t.logger.Error("too many actors wait to be recorded; this one is not", zap.String("reason", "retry_queue_full"))
		return
	}
	go func() {
		defer t.running.Add(-1)
		ctx, cancel := context.WithTimeout(context.Background(), retryFor)
		defer cancel()
		for wait := retryFirst; ; wait = min(2*wait, retryLongest) {
			select {
			case <-ctx.Done():
				t.logger.Error("gave up recording an actor", zap.String("reason", "retry_expired"))
				return
			case <-time.After(wait):
			}
			if err := operation(ctx); identity.CodeOf(err) != identity.CodeUnavailable {
				if err != nil {
					t.logger.Error("actor could not be recorded", zap.String("reason", linkReason(err)), zap.Error(err))
				} else {
					t.logger.Info("actor recorded after the store came back")
				}
				return
			}
		}
	}()
}
