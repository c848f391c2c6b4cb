package verify

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// aged remembers positive answers of the store for a bounded time. Negative
// ones and failures are never kept: the next request asks again.
type aged[V any] struct {
	entries *lru.Cache[string, agedEntry[V]]
	maxAge  time.Duration

	mu       sync.Mutex
	removals uint64 // counts the calls of remove
}

type agedEntry[V any] struct {
	value        V
	asked, until time.Time
}

func newAged[V any](size int, maxAge time.Duration) (*aged[V], error) {
	entries, err := lru.New[string, agedEntry[V]](size)
	return &aged[V]{entries: entries, maxAge: maxAge}, err
}

// get returns the answer for the key, and until when it is believed, if there is a
// fresh one.
func (c *aged[V]) get(key string, now time.Time) (value V, until time.Time, ok bool) {
	e, ok := c.entries.Get(key)
	// A clock that was set back must not prolong anything.
	if !ok || now.Before(e.asked) || !now.Before(e.until) {
		return value, time.Time{}, false
	}
	return e.value, e.until, true
}

// ask gets an answer and keeps it for the maximal age, or until the time at
// which it ends by itself if that is sooner and not zero. It returns that time.
func (c *aged[V]) ask(key string, now time.Time, ask func() (value V, ends time.Time, err error)) (V, time.Time, error) {
	c.mu.Lock()
	removals := c.removals
	c.mu.Unlock()
	value, ends, err := ask()
	if err != nil {
		return value, time.Time{}, err
	}
	// The age counts from before the question: the answer may be as old.
	until := now.Add(c.maxAge)
	if !ends.IsZero() && ends.Before(until) {
		until = ends
	}
	if !now.Before(until) {
		return value, now, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.removals == removals { // else it may be what was removed
		c.entries.Add(key, agedEntry[V]{value, now, until})
	}
	return value, until, nil
}

// remove makes the next get of the key fail, and keeps an answer that is under
// way from being kept.
func (c *aged[V]) remove(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removals++
	c.entries.Remove(key)
}

// clear does the same for all keys.
func (c *aged[V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removals++
	c.entries.Purge()
}
