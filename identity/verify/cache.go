package verify

import (
	"crypto/sha256"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// tokenCache remembers tokens whose signature was checked. It is keyed by
// digest: a dump of its keys logs nobody in.
type tokenCache struct {
	entries *lru.Cache[[sha256.Size]byte, *Caller]
}

func newTokenCache(size int) (*tokenCache, error) {
	entries, err := lru.New[[sha256.Size]byte, *Caller](size)
	return &tokenCache{entries}, err
}

func (c *tokenCache) get(raw string) (*Caller, bool) {
	return c.entries.Get(sha256.Sum256([]byte(raw)))
}

func (c *tokenCache) add(raw string, caller *Caller) {
	c.entries.Add(sha256.Sum256([]byte(raw)), caller)
}

func (c *tokenCache) remove(raw string) { c.entries.Remove(sha256.Sum256([]byte(raw))) }

// aged remembers positive answers of the store for a bounded time. Negative
// ones and failures are never kept: the next request asks again.
type aged[V any] struct {
	entries *lru.Cache[string, agedEntry[V]]
	maxAge  time.Duration
	// removals counts remove calls. An answer that was under way meanwhile may
	// be the old one and is not kept.
	removals atomic.Uint64
}

type agedEntry[V any] struct {
	value V
	at    time.Time
}

func newAged[V any](size int, maxAge time.Duration) (*aged[V], error) {
	entries, err := lru.New[string, agedEntry[V]](size)
	return &aged[V]{entries: entries, maxAge: maxAge}, err
}

func (c *aged[V]) get(key string, now time.Time, ask func() (V, error)) (V, error) {
	if c.maxAge > 0 {
		if e, ok := c.entries.Get(key); ok {
			if age := now.Sub(e.at); age >= 0 && age < c.maxAge {
				return e.value, nil
			}
		}
	}
	removals := c.removals.Load()
	value, err := ask()
	if err != nil {
		return value, err
	}
	if c.maxAge > 0 {
		c.entries.Add(key, agedEntry[V]{value, now})
		if c.removals.Load() != removals {
			c.entries.Remove(key)
		}
	}
	return value, nil
}

func (c *aged[V]) remove(key string) {
	c.removals.Add(1)
	c.entries.Remove(key)
}
