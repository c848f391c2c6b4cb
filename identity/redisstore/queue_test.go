//go:build unix

package redisstore_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

const (
	// Nothing is left alone for so long while a test runs.
	lease    = time.Hour
	queueKey = "auth:rq"
)

// queueTest is an empty queue and the client that it uses.
type queueTest struct {
	*redisstore.Queue
	t      *testing.T
	client redis.UniversalClient
}

// onEveryRedis runs a test against miniredis and against a real server.
func onEveryRedis(t *testing.T, test func(t *testing.T, q *queueTest)) {
	t.Helper()
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) (addr string){
		"miniredis":    func(t *testing.T) string { return miniredis.RunT(t).Addr() },
		"redis-server": func(t *testing.T) string { return identitytest.StartRedis(t).Addr() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newQueueTest(t, start(t)))
		})
	}
}

func newQueueTest(t *testing.T, addr string) *queueTest {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	return &queueTest{redisstore.NewQueue(client, "", time.Minute), t, client}
}

func resetRequest(id string) identity.ResetRequest {
	return identity.ResetRequest{
		ID: id, Provider: "emailpass", ActorType: "customer", Identifier: id + "@example.com",
		Metadata: json.RawMessage(`{"n":1}`), AskedAt: time.Date(2026, 11, 21, 16, 33, 34, 307_000_000, time.UTC),
	}
}

func (q *queueTest) enqueue(ids ...string) {
	q.t.Helper()
	for _, id := range ids {
		if err := q.Enqueue(q.t.Context(), resetRequest(id)); err != nil {
			q.t.Fatal(err)
		}
	}
}

// take returns what was taken as `<id of the request>/<attempt>`, and the ids
// of the entries.
func (q *queueTest) take(group, consumer string, limit int, lease time.Duration) (taken, entries []string) {
	q.t.Helper()
	err := q.Take(q.t.Context(), group, consumer, limit, lease,
		func(id string, attempt int, r identity.ResetRequest, err error) {
			if err != nil {
				r.ID = "unreadable"
			}
			taken = append(taken, fmt.Sprint(r.ID, "/", attempt))
			entries = append(entries, id)
		})
	if err != nil {
		q.t.Fatal(err)
	}
	return taken, entries
}

func (q *queueTest) wantTake(group, consumer string, limit int, lease time.Duration, want ...string) (entries []string) {
	q.t.Helper()
	taken, entries := q.take(group, consumer, limit, lease)
	if !slices.Equal(taken, want) {
		q.t.Errorf("%s of group %s took %q, want %q", consumer, group, taken, want)
	}
	return entries
}

func (q *queueTest) done(group string, entries ...string) {
	q.t.Helper()
	for _, id := range entries {
		if err := q.Done(q.t.Context(), group, id); err != nil {
			q.t.Fatal(err)
		}
	}
}

func (q *queueTest) putBack(group, consumer, entry string, delay time.Duration) {
	q.t.Helper()
	if err := q.PutBack(q.t.Context(), group, consumer, entry, lease, delay); err != nil {
		q.t.Fatal(err)
	}
}

func (q *queueTest) sweep() {
	q.t.Helper()
	if err := q.Sweep(q.t.Context(), lease); err != nil {
		q.t.Fatal(err)
	}
}

func (q *queueTest) wantLength(want int64) {
	q.t.Helper()
	if n, err := q.client.XLen(q.t.Context(), queueKey).Result(); err != nil || n != want {
		q.t.Errorf("the stream holds %d entries, want %d (%v)", n, want, err)
	}
}

func TestQueueKeepsRequests(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *queueTest) {
		want := []identity.ResetRequest{resetRequest("a"), {ID: "b", AskedAt: time.Unix(1, 0).UTC()}}
		for _, r := range want {
			if err := q.Enqueue(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		var got []identity.ResetRequest
		err := q.Take(t.Context(), "g", "c", 10, lease, func(_ string, _ int, r identity.ResetRequest, err error) {
			if err != nil {
				t.Error(err)
			}
			got = append(got, r)
		})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v (%v)", got, want, err)
		}
	})
}

func TestQueueGroups(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *queueTest) {
		q.wantTake("g", "c1", 4, lease) // no stream, no group: they are made
		q.enqueue("a", "b", "c")
		q.wantTake("g", "c1", 2, lease, "a/1", "b/1")
		q.wantTake("g", "c2", 2, lease, "c/1")
		q.wantTake("g", "c2", 2, lease)
		// Another group gets everything that is still there, however late it comes.
		q.wantTake("late", "c1", 4, lease, "a/1", "b/1", "c/1")
	})
}

func TestQueueGroupIsMadeOnce(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *queueTest) {
		q.enqueue("a")
		var wg sync.WaitGroup
		var taken atomic.Int64
		begin := make(chan struct{})
		for i := range 20 {
			wg.Go(func() {
				<-begin
				err := q.Take(t.Context(), "g", fmt.Sprint("c", i), 1, lease,
					func(string, int, identity.ResetRequest, error) { taken.Add(1) })
				if err != nil {
					t.Error(err)
				}
			})
		}
		close(begin)
		wg.Wait()
		if n := taken.Load(); n != 1 {
			t.Errorf("the request was taken %d times", n)
		}
	})
}

func TestQueueLease(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *queueTest) {
		q.enqueue("a", "b", "c")
		entries := q.wantTake("g", "dead", 2, lease, "a/1", "b/1")
		q.done("g", entries[0])
		q.enqueue("d")
		q.wantTake("g", "alive", 2, 0, "b/2", "c/1") // first what was left behind
		q.wantTake("g", "alive", 1, 0, "b/3")
		q.wantTake("g", "alive", 4, lease, "d/1")
		q.putBack("g", "dead", entries[1], 0) // it comes back too late
		q.wantTake("g", "other", 4, lease)
	})
}

func TestQueuePutBack(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *queueTest) {
		q.enqueue("a", "b")
		entries := q.wantTake("g", "c", 2, lease, "a/1", "b/1")
		q.putBack("g", "c", entries[0], 0)
		q.putBack("g", "c", entries[1], 30*time.Minute)
		q.wantTake("g", "other", 4, lease, "a/2")
		q.wantTake("g", "other", 4, 31*time.Minute)
		q.wantTake("g", "other", 4, 30*time.Minute, "b/2")
		q.putBack("g", "other", entries[0], 2*lease) // longer than possible: the lease
		q.wantTake("g", "c", 4, lease)
	})
}

func TestQueueReportsWhatItCannotRead(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *queueTest) {
		for _, values := range [][]any{
			{"request", "{"}, {"request", `"text"`}, {"request", ""}, {"request", "{}", "and", "more"},
		} {
			if err := q.client.XAdd(t.Context(), &redis.XAddArgs{Stream: queueKey, Values: values}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		q.enqueue("a")
		q.wantTake("g", "c", 10, lease, "unreadable/1", "unreadable/1", "unreadable/1", "unreadable/1", "a/1")
	})
}

func TestQueueSurvivesLosingItsGroup(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *queueTest) {
		q.enqueue("a")
		entries := q.wantTake("g", "c", 4, lease, "a/1")
		if err := q.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		q.putBack("g", "c", entries[0], 0)
		q.done("g", entries[0])
		q.sweep()
		q.wantTake("g", "c", 4, lease)
		q.enqueue("b")
		q.wantTake("g", "c", 4, lease, "b/1")
	})
}

func TestQueueUnavailable(t *testing.T) {
	t.Parallel()
	server := identitytest.StartRedis(t)
	q := newQueueTest(t, server.Addr())
	q.enqueue("a")
	server.Stop()
	for name, err := range map[string]error{
		"Enqueue": q.Enqueue(t.Context(), resetRequest("b")),
		"Take": q.Take(t.Context(), "g", "c", 1, lease, func(string, int, identity.ResetRequest, error) {
			t.Error("something was taken")
		}),
		"Done":    q.Done(t.Context(), "g", "1-0"),
		"PutBack": q.PutBack(t.Context(), "g", "c", "1-0", lease, 0),
		"Sweep":   q.Sweep(t.Context(), lease),
		"Append":  redisstore.NewEvents(q.client, "auth:events", lease).Append(t.Context(), "a", "b"),
	} {
		if identity.CodeOf(err) != identity.CodeUnavailable || strings.Contains(fmt.Sprint(err), "example.com") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

func TestQueueInACluster(t *testing.T) {
	t.Parallel()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: identitytest.StartCluster(t, 0).Addrs(), ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	q := &queueTest{redisstore.NewQueue(client, "", time.Minute), t, client}
	q.enqueue("a", "b")
	entries := q.wantTake("g", "c", 4, lease, "a/1", "b/1")
	q.putBack("g", "c", entries[1], 0)
	q.done("g", entries[0])
	q.sweep()
	q.wantLength(1)
	q.wantTake("g", "c", 4, lease, "b/2")
	if err := redisstore.NewEvents(client, "auth:events", lease).Append(t.Context(), "a", "b"); err != nil {
		t.Error(err)
	}
}
