package identitytest

import (
	"sync"
	"time"
)

// Clock is a time that moves when a test says so. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at a moment that no unit rounds.
func NewClock() *Clock {
	return NewClockAt(time.Date(2026, 11, 21, 16, 54, 34, 263_417_000, time.UTC))
}

// NewClockAt returns a clock that stands at that moment.
func NewClockAt(now time.Time) *Clock { return &Clock{now: now} }

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Forward lets d pass.
func (c *Clock) Forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
