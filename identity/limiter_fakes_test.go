package identity_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
)

// counter is a limit.Counter in which no time passes.
type counter struct {
	mu      sync.Mutex
	events  map[string]int
	full    map[string]bool
	healthy map[string]bool
	failure limit.Reply // if it has an error
}

func newCounter() *counter { return &counter{events: map[string]int{}, full: map[string]bool{}} }

func (c *counter) TakeEvents(_ context.Context, counts []limit.Count) []limit.Reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	replies := make([]limit.Reply, len(counts))
	for n, count := range counts {
		name := count.Bucket + " " + count.Of
		if c.failure.Err != nil && !c.healthy[count.Bucket] {
			replies[n] = c.failure
			continue
		}
		if c.full[name] || c.events[name] == count.Rate.Events {
			replies[n] = limit.Reply{Wait: count.Rate.Interval(), Used: 1, At: 1}
			continue
		}
		c.events[name]++
		replies[n] = limit.Reply{Allowed: true, Used: float64(c.events[name]) / float64(count.Rate.Events), At: 1}
	}
	return replies
}

func (c *counter) ReturnEvents(_ context.Context, counts []limit.Count, _ []int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, count := range counts {
		c.events[count.Bucket+" "+count.Of]--
	}
	return nil
}

func (c *counter) ForgetEvents(_ context.Context, counts []limit.Count) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, count := range counts {
		delete(c.events, count.Bucket+" "+count.Of)
		delete(c.full, count.Bucket+" "+count.Of)
	}
	return nil
}

func (c *counter) ForgetBeginning(_ context.Context, names []string, beginning string) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for bucket, used := range c.events {
		name, of, _ := strings.Cut(bucket, " ")
		if used > 0 && slices.Contains(names, name) && strings.HasPrefix(of, beginning) {
			delete(c.events, bucket)
			n++
		}
	}
	return n, c.failure.Err
}

// fill leaves no place in a bucket, of whom the names are, an account first.
func (c *counter) fill(bucket string, names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.full[bucketOf(bucket, names)] = true
}

// bucketOf is what a bucket is called, by a limiter without a key.
func bucketOf(bucket string, names []string) string {
	bucket += " "
	for _, name := range names {
		mac := hmac.New(sha256.New, nil)
		mac.Write([]byte(name))
		bucket += base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
	}
	return bucket
}

// forget empties all buckets.
func (c *counter) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.events)
	clear(c.full)
}

// fail lets no bucket be asked but the healthy ones, or all again.
func (c *counter) fail(failure limit.Reply, healthy ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure, c.healthy = failure, map[string]bool{}
	for _, name := range healthy {
		c.healthy[name] = true
	}
}

// used returns how many events a bucket holds, of whom the names are.
func (c *counter) used(bucket string, names ...string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.events[bucketOf(bucket, names)]
}

func limiterOf(t testing.TB, c limit.Counter, rates map[identity.Bucket]limit.Rate) identity.Limiter {
	t.Helper()
	l, err := limit.New(limit.Config{Counter: c, Rates: rates})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// wantLimited fails the test unless the error says that it was too much, for that
// reason and for that long.
func wantLimited(t testing.TB, err error, reason string, wait time.Duration) {
	t.Helper()
	e, ok := errors.AsType[*identity.Error](err)
	if !ok || e.Code != identity.CodeLimited || e.Reason != reason || e.RetryAfter != wait || e.Message != "Too many requests" {
		t.Errorf("got %v (%s), want %s for %s", err, identity.ReasonOf(err), reason, wait)
	}
}
