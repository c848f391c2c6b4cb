//go:build unix

package redisstore_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

func TestQueueRemovesWhatIsDone(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *queueTest) {
		q.sweep() // no stream yet
		q.enqueue("a", "b", "c")
		q.sweep() // no group yet
		q.wantLength(3)
		first := q.wantTake("first", "c", 4, lease, "a/1", "b/1", "c/1")
		second := q.wantTake("second", "c", 2, lease, "a/1", "b/1")
		q.done("first", first...)
		q.done("second", second[1])
		q.sweep()
		q.wantLength(3) // the second group has a in its hands
		q.done("second", second[0])
		q.sweep()
		q.wantLength(1) // and has not seen c
		q.done("second", q.wantTake("second", "c", 2, lease, "c/1")...)
		q.sweep()
		q.wantLength(0)
		q.enqueue("d")
		q.sweep()
		q.wantTake("first", "c", 4, lease, "d/1")
		q.wantTake("second", "c", 4, lease, "d/1")
		q.wantTake("late", "c", 4, lease, "d/1")
	})
}

func TestQueueRemovesWhatIsOld(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *queueTest) {
		const sent = `{"id":"a","asked_at":"2026-11-21T16:33:34Z"}`
		now := q.client.Time(t.Context()).Val()
		for _, age := range []time.Duration{3 * time.Hour, 2 * time.Hour, 30 * time.Minute} {
			id := fmt.Sprintf("%d-0", now.Add(-age).UnixMilli())
			if err := q.client.XAdd(t.Context(), &redis.XAddArgs{Stream: queueKey, ID: id, Values: []any{"request", sent}}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		entries := q.wantTake("g", "c", 1, lease, "a/1")
		q.sweep() // what is older than an hour
		q.wantLength(1)
		// What was removed while it was in somebody's hands is reported, not lost silently.
		if again := q.wantTake("g", "other", 1, 0, "unreadable/2"); !slices.Equal(again, entries) {
			t.Errorf("took %q, want %q", again, entries)
		}
		q.done("g", entries...)
		q.wantTake("g", "other", 4, 0, "a/1")
	})
}

func TestQueueIsBounded(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *queueTest) {
		q.SetLimit(10)
		var wg sync.WaitGroup
		var accepted atomic.Int64
		for i := range 50 {
			wg.Go(func() {
				switch err := q.Enqueue(t.Context(), resetRequest(fmt.Sprint(i))); {
				case err == nil:
					accepted.Add(1)
				case identity.CodeOf(err) != identity.CodeUnavailable || identity.ReasonOf(err) != "reset_queue_full":
					t.Errorf("got error %v", err)
				}
			})
		}
		wg.Wait()
		if n := accepted.Load(); n != 10 {
			t.Errorf("%d requests were accepted, want 10", n)
		}
		_, entries := q.take("g", "c", 10, lease)
		q.done("g", entries[:3]...)
		q.sweep()
		q.enqueue("x", "y", "z")
		if err := q.Enqueue(t.Context(), resetRequest("one too many")); identity.ReasonOf(err) != "reset_queue_full" {
			t.Errorf("got error %v", err)
		}
	})
}

// miniredis does not know how long a consumer was silent.
func TestQueueForgetsConsumers(t *testing.T) {
	t.Parallel()
	q := newQueueTest(t, identitytest.StartRedis(t).Addr())
	q.enqueue("a", "b")
	q.wantTake("g", "busy", 1, lease, "a/1")
	q.done("g", q.wantTake("g", "free", 1, lease, "b/1")...)
	q.wantTake("g", "newest", 1, lease)
	q.wantTake("left", "c", 2, lease, "a/1", "b/1")
	for _, c := range []string{"busy", "free"} {
		q.awaitSilence("g", c)
	}
	q.enqueue("c")
	q.wantTake("g", "newest", 1, lease, "c/1") // it was heard of last

	q.sweep() // an hour has not passed
	q.wantConsumers("g", "busy", "free", "newest")
	if err := q.SweepAt(t.Context(), lease, 0, lease); err != nil {
		t.Fatal(err)
	}
	q.wantConsumers("g", "busy", "newest") // what busy has in its hands must not be lost
	q.wantConsumers("left", "c")
	_, entries := q.take("g", "newest", 4, 0)
	q.done("g", entries...)

	for _, c := range []string{"busy", "newest"} {
		q.awaitSilence("g", c)
	}
	q.awaitSilence("left", "c")
	if err := q.SweepAt(t.Context(), lease, 0, lease); err != nil {
		t.Fatal(err)
	}
	q.wantConsumers("g", "newest") // one stays, to tell for how long the group was left alone
	if err := q.SweepAt(t.Context(), lease, lease, 0); err != nil {
		t.Fatal(err)
	}
	groups, err := q.client.XInfoGroups(t.Context(), queueKey).Result()
	if err != nil || len(groups) != 0 {
		t.Errorf("the groups %v are left (%v)", groups, err)
	}
	q.wantLength(3)
}

// awaitSilence waits until Redis has not heard of the consumer for at least a
// millisecond.
func (q *queueTest) awaitSilence(group, consumer string) {
	q.t.Helper()
	for {
		consumers, err := q.client.XInfoConsumers(q.t.Context(), queueKey, group).Result()
		if err != nil {
			q.t.Fatal(err)
		}
		i := slices.IndexFunc(consumers, func(c redis.XInfoConsumer) bool { return c.Name == consumer })
		if i < 0 {
			q.t.Fatalf("no consumer %s", consumer)
		}
		if consumers[i].Idle >= time.Millisecond {
			return
		}
	}
}

func (q *queueTest) wantConsumers(group string, want ...string) {
	q.t.Helper()
	consumers, err := q.client.XInfoConsumers(q.t.Context(), queueKey, group).Result()
	if err != nil {
		q.t.Fatal(err)
	}
	var names []string
	for _, c := range consumers {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, want) {
		q.t.Errorf("consumers of %s are %q, want %q", group, names, want)
	}
}
