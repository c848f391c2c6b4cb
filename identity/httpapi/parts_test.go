package httpapi_test

import (
	"context"
	"sync"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// resets is a queue that remembers what came.
type resets struct {
	mu       sync.Mutex
	requests []identity.ResetRequest
}

func (q *resets) Enqueue(_ context.Context, r identity.ResetRequest) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.requests = append(q.requests, r)
	return nil
}

func (q *resets) last() (identity.ResetRequest, int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.requests) == 0 {
		return identity.ResetRequest{}, 0
	}
	return q.requests[len(q.requests)-1], len(q.requests)
}
