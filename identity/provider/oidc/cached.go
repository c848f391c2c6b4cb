package oidc

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

const (
	// freshFor is how long an answer counts without asking again.
	freshFor = time.Hour
	// usableFor is how long it counts while the provider cannot be asked.
	usableFor = 24 * time.Hour
	// retryAfter is how long a failure is repeated without asking again.
	retryAfter = 2 * time.Second
)

// cached is what a provider publishes, as it was last fetched. However many ask,
// one fetch at a time is made.
type cached[T any] struct {
	client *oauth.Client
	clock  func() time.Time
	fetch  func(context.Context) (T, error)
	flight singleflight.Group

	mu       sync.Mutex
	value    T
	at       time.Time // zero: never
	err      error     // of the last fetch
	failedAt time.Time
}

func newCached[T any](client *oauth.Client, clock func() time.Time, fetch func(context.Context) (T, error)) *cached[T] {
	return &cached[T]{client: client, clock: clock, fetch: fetch}
}

// usable returns what is published. While the provider cannot be asked, that is
// what was published before.
func (c *cached[T]) usable(ctx context.Context) (T, error) {
	value, err := c.within(ctx, freshFor)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.at.IsZero() && c.clock().Sub(c.at) < usableFor {
			return c.value, nil
		}
	}
	return value, err
}

// within returns what was published at most age ago.
func (c *cached[T]) within(ctx context.Context, age time.Duration) (T, error) {
	if value, err, known := c.known(age); known {
		return value, err
	}
	// The fetch serves all who wait: that one of them gives up does not end it.
	done := c.flight.DoChan(age.String(), func() (any, error) {
		if _, err, known := c.known(age); known { // by a fetch that just ended
			return nil, err
		}
		bounded, cancel := c.client.Bounded(context.WithoutCancel(ctx))
		defer cancel()
		value, err := c.fetch(bounded)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.err = err; err != nil {
			c.failedAt = c.clock()
			return nil, err
		}
		c.value, c.at = value, c.clock()
		return nil, nil
	})
	select {
	case result := <-done:
		if result.Err != nil {
			var none T
			return none, result.Err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.value, nil
	case <-ctx.Done():
		var none T
		return none, oauth.Unanswered(ctx.Err())
	}
}

// known returns what needs no fetch.
func (c *cached[T]) known(age time.Duration) (value T, err error, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock()
	switch {
	case !c.at.IsZero() && now.Sub(c.at) < age:
		return c.value, nil, true
	case c.err != nil && now.Sub(c.failedAt) < retryAfter:
		return value, c.err, true
	}
	return value, nil, false
}
