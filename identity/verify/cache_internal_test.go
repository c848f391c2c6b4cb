package verify

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// After remove has returned no get gives what was there before, not for a
// moment, though answers arrive all the time.
func TestAgedRemoveIsAtomic(t *testing.T) {
	t.Parallel()
	c, err := newAged[int64](16, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var current atomic.Int64
	var done atomic.Bool
	var load sync.WaitGroup
	for range 3 {
		load.Go(func() {
			for !done.Load() {
				if _, _, ok := c.get("key", now); ok {
					continue
				}
				_, _, _ = c.ask("key", now, func() (value int64, ends time.Time, err error) {
					value = current.Load()
					runtime.Gosched() // so that it often arrives late
					return value, ends, nil
				})
			}
		})
	}
	defer func() {
		done.Store(true)
		load.Wait()
	}()
	for range 10_000 {
		least := current.Add(1)
		c.remove("key")
		for range 20 {
			if value, _, ok := c.get("key", now); ok && value < least {
				t.Fatalf("got %d after %d was announced", value, least)
			}
		}
	}
}
