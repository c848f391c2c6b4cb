package httpapi_test

import (
	"bytes"
	"context"
	"sync"
	"time"

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

// logBuffer collects log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
