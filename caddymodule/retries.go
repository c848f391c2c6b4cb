package caddymodule

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	retryFirst   = 250 * time.Millisecond
	retryLongest = 10 * time.Second
	retryFor     = 15 * time.Minute
	retryMost    = 1000 // at once, so that an outage cannot fill the memory
)

// retries does what could not be done when it was due, as soon as it can be: it
// records what the backend did while the store could not be asked, and replaces
// passwords there that count no more. They outlive the configuration, for what
// they do is right whatever is configured; their process they do not.
type retries struct {
	connection string // key of the shared connection that they keep open
	logger     *zap.Logger

	mu      sync.Mutex
	pending map[actor]*retry
}

// actor is somebody at the backend.
type actor struct{ actorType, id string }

type retry struct{ cancel context.CancelFunc }

func newRetries(connection string, logger *zap.Logger) *retries {
	return &retries{connection: connection, logger: logger, pending: make(map[actor]*retry)}
}

// add runs the operation in the background until it succeeds. It must be
// idempotent, and takes the place of an earlier one about the same actor.
func (t *retries) add(about actor, operation func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), retryFor)
	r := &retry{cancel}
	t.mu.Lock()
	defer t.mu.Unlock()
	if previous := t.pending[about]; previous != nil {
		previous.cancel()
	} else if len(t.pending) >= retryMost {
		cancel()
		t.logger.Error("too much that failed about actors waits to be repeated; this is given up", zap.String("reason", "retry_queue_full"))
		return
	}
	t.pending[about] = r
	release := holdConnection(t.connection)
	go func() {
		defer release()
		defer t.done(about, r)
		t.run(ctx, operation)
	}()
}

// drop forgets what waits to be recorded about an actor: something newer was.
func (t *retries) drop(about actor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.pending[about]; r != nil {
		r.cancel()
	}
}

func (t *retries) done(about actor, r *retry) {
	r.cancel()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pending[about] == r {
		delete(t.pending, about)
	}
}

func (t *retries) run(ctx context.Context, operation func(ctx context.Context) error) {
	for wait := retryFirst; ; wait = min(2*wait, retryLongest) {
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.logger.Error("gave up repeating what failed about an actor", zap.String("reason", "retry_expired"))
			}
			return
		case <-time.After(wait):
		}
		err := operation(ctx)
		switch {
		case err == nil:
			t.logger.Info("what had failed about an actor is done")
			return
		case identity.CodeOf(err) != identity.CodeUnavailable:
			t.logger.Error("what failed about an actor cannot be repeated", zap.String("reason", linkReason(err)), zap.Error(err))
			return
		}
	}
}

// holdConnection keeps a shared connection open until release is called, also
// when no configuration uses it any more.
func holdConnection(key string) (release func()) {
	_, _, err := connections.LoadOrNew(key, func() (caddy.Destructor, error) {
		return nil, errors.New("it is closing already")
	})
	if err != nil {
		return func() {}
	}
	return func() { _, _ = connections.Delete(key) }
}
