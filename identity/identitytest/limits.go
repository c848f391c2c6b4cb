package identitytest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/limit"
)

// slow is a rate of which time gives nothing back while a test runs.
var slow = limit.Rate{Events: 10, Window: 100 * time.Hour}

// RunLimits runs the contract of a limit.Counter. nodes returns counters of several
// nodes over the same empty buckets.
func RunLimits(t *testing.T, nodes func(t *testing.T) []limit.Counter) {
	for name, test := range map[string]func(*testing.T, []limit.Counter){
		"a bucket gets full":        testBucketGetsFull,
		"buckets are apart":         testBucketsApart,
		"at once, in order":         testBucketsAtOnce,
		"time gives back":           testTimeGivesBack,
		"events are taken back":     testEventsReturned,
		"late, less is taken back":  testLateReturn,
		"a bucket is emptied":       testBucketForgotten,
		"many are emptied":          testBucketsForgotten,
		"a smaller bucket":          testSmallerBucket,
		"in parallel, on all nodes": testParallelEvents,
		"in parallel, taking back":  testParallelReturns,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, nodes(t))
		})
	}
}

func count(bucket, of string) limit.Count { return limit.Count{Bucket: bucket, Of: of, Rate: slow} }

// take fails the test unless the bucket can be asked.
func take(t *testing.T, c limit.Counter, what limit.Count) limit.Reply {
	t.Helper()
	reply := c.TakeEvents(t.Context(), []limit.Count{what})[0]
	if reply.Err != nil {
		t.Fatal(reply.Err)
	}
	return reply
}

// fill takes all the place there is, and returns how much it was.
func fill(t *testing.T, c limit.Counter, what limit.Count) (events int) {
	t.Helper()
	for take(t, c, what).Allowed {
		if events++; events > 1000 {
			t.Fatal("the bucket has no end")
		}
	}
	return events
}

func testBucketGetsFull(t *testing.T, nodes []limit.Counter) {
	for n := range slow.Events {
		reply := take(t, nodes[n%len(nodes)], count("a", "x"))
		used := float64(n+1) / float64(slow.Events)
		if !reply.Allowed || reply.Wait != 0 || reply.Used > used || reply.Used < used-0.01 {
			t.Errorf("event %d: %+v", n, reply)
		}
	}
	for range 3 { // what is refused counts nothing
		reply := take(t, nodes[0], count("a", "x"))
		if reply.Allowed || reply.Wait > slow.Interval() || reply.Wait < slow.Interval()-time.Hour || reply.Used < 0.99 {
			t.Errorf("when it is full: %+v", reply)
		}
	}
}

func testBucketsApart(t *testing.T, nodes []limit.Counter) {
	for _, what := range []limit.Count{count("a", "x"), count("a", "X"), count("a", ""), count("b", "x"), count("a", "x:y"), count("a", "{x}")} {
		if got := fill(t, nodes[0], what); got != slow.Events {
			t.Errorf("%s of %q: %d events", what.Bucket, what.Of, got)
		}
	}
}

func testBucketsAtOnce(t *testing.T, nodes []limit.Counter) {
	var all []limit.Count
	for n := range 50 {
		all = append(all, count("a", fmt.Sprint(n)))
	}
	for n := range all {
		if n%3 == 0 {
			fill(t, nodes[0], all[n])
		}
	}
	for n, reply := range nodes[0].TakeEvents(t.Context(), all) {
		if reply.Err != nil || reply.Allowed == (n%3 == 0) {
			t.Errorf("bucket %d: %+v", n, reply)
		}
	}
	if replies := nodes[0].TakeEvents(t.Context(), nil); len(replies) != 0 {
		t.Errorf("none: %v", replies)
	}
}

func testTimeGivesBack(t *testing.T, nodes []limit.Counter) {
	what := limit.Count{Bucket: "a", Of: "x", Rate: limit.Rate{Events: 4, Window: 800 * time.Millisecond}}
	fill(t, nodes[0], what)
	for range 3 {
		refused := take(t, nodes[0], what)
		for refused.Allowed {
			refused = take(t, nodes[0], what)
		}
		next := take(t, nodes[0], what)
		for !next.Allowed {
			time.Sleep(time.Millisecond)
			next = take(t, nodes[0], what)
		}
		if early := refused.At + refused.Wait.Microseconds() - next.At; early > 0 {
			t.Errorf("an event was allowed %d us early", early)
		}
	}
}

func testEventsReturned(t *testing.T, nodes []limit.Counter) {
	what, other := count("a", "x"), count("b", "x")
	first := take(t, nodes[0], what)
	fill(t, nodes[0], what)
	noError(t, nodes[0].ReturnEvents(t.Context(), []limit.Count{what, other}, []int64{first.At, first.At}))
	if got := fill(t, nodes[1], what); got != 1 {
		t.Errorf("%d events were taken back, want 1", got)
	}
	if got := fill(t, nodes[1], other); got != slow.Events {
		t.Errorf("a bucket that was empty has place for %d", got)
	}
}

func testLateReturn(t *testing.T, nodes []limit.Counter) {
	what := count("a", "x")
	first := take(t, nodes[0], what)
	fill(t, nodes[0], what)
	// As if it had been counted before: time has given it back since.
	long := first.At - slow.Interval().Microseconds()
	noError(t, nodes[0].ReturnEvents(t.Context(), []limit.Count{what}, []int64{long}))
	if got := fill(t, nodes[0], what); got != 0 {
		t.Errorf("%d events were given back twice", got)
	}
	// By a clock that is ahead, no more than the event itself.
	ahead := first.At + (100 * time.Hour).Microseconds()
	noError(t, nodes[0].ReturnEvents(t.Context(), []limit.Count{what}, []int64{ahead}))
	if got := fill(t, nodes[0], what); got != 1 {
		t.Errorf("%d events for one", got)
	}
}

func testBucketForgotten(t *testing.T, nodes []limit.Counter) {
	what, other := count("a", "x"), count("a", "y")
	fill(t, nodes[0], what)
	fill(t, nodes[0], other)
	noError(t, nodes[1].ForgetEvents(t.Context(), []limit.Count{what, count("b", "never used")}))
	if got, rest := fill(t, nodes[0], what), fill(t, nodes[0], other); got != slow.Events || rest != 0 {
		t.Errorf("there is place for %d, and for %d in another", got, rest)
	}
}

// All of some names that begin alike, on whatever server, and no others.
func testBucketsForgotten(t *testing.T, nodes []limit.Counter) {
	var those, others []limit.Count
	for n := range 30 {
		those = append(those, count("a", fmt.Sprint("x-", n)), count("c", fmt.Sprint("x-", n)))
		others = append(others, count("b", fmt.Sprint("x-", n)), count("a", fmt.Sprint("y-", n)), count("a", fmt.Sprint("-x-", n)))
	}
	for _, what := range append(those, others...) {
		take(t, nodes[0], what)
	}
	for _, want := range []int{len(those), 0} {
		n, err := nodes[1].ForgetBeginning(t.Context(), []string{"a", "c", "d"}, "x-")
		noError(t, err)
		if n != want {
			t.Errorf("%d were emptied, want %d", n, want)
		}
	}
	for _, what := range others {
		if reply := take(t, nodes[len(nodes)-1], what); reply.Used < 0.15 { // one of ten before it
			t.Errorf("%s %s was emptied", what.Bucket, what.Of)
		}
	}
	for _, what := range those {
		if reply := take(t, nodes[len(nodes)-1], what); reply.Used > 0.15 {
			t.Errorf("%s %s was not emptied", what.Bucket, what.Of)
		}
	}
}

// What was counted by an older configuration, or by a clock that was set back
// since, fills the bucket of today and no more.
func testSmallerBucket(t *testing.T, nodes []limit.Counter) {
	what := count("a", "x")
	fill(t, nodes[0], what)
	what.Rate = limit.Rate{Events: 4, Window: 4 * time.Hour}
	if reply := take(t, nodes[0], what); reply.Allowed || reply.Wait > time.Hour || reply.Used > 1 {
		t.Errorf("got %+v", reply)
	}
}

// each calls f in many goroutines at once, on all nodes.
func each(nodes []limit.Counter, f func(c limit.Counter)) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for n := range 50 {
		all.Go(func() {
			<-start
			f(nodes[n%len(nodes)])
		})
	}
	close(start)
	all.Wait()
}

func testParallelEvents(t *testing.T, nodes []limit.Counter) {
	var allowed atomic.Int64
	each(nodes, func(c limit.Counter) {
		for range 4 {
			reply := c.TakeEvents(t.Context(), []limit.Count{count("a", "x")})[0]
			if reply.Err != nil {
				t.Error(reply.Err)
			}
			if reply.Allowed {
				allowed.Add(1)
			}
		}
	})
	if got := allowed.Load(); got != int64(slow.Events) {
		t.Errorf("%d of 200 events were allowed, want %d", got, slow.Events)
	}
}

// Those that are taken back make place, and never more than there was.
func testParallelReturns(t *testing.T, nodes []limit.Counter) {
	var held, done atomic.Int64
	what := []limit.Count{count("a", "x")}
	each(nodes, func(c limit.Counter) {
		for range 20 {
			reply := c.TakeEvents(t.Context(), what)[0]
			if reply.Err != nil {
				t.Error(reply.Err)
				return
			}
			if !reply.Allowed {
				continue
			}
			if n := held.Add(1); n > int64(slow.Events) {
				t.Errorf("%d events in a bucket for %d", n, slow.Events)
			}
			done.Add(1)
			held.Add(-1)
			if err := c.ReturnEvents(t.Context(), what, []int64{reply.At}); err != nil {
				t.Error(err)
			}
		}
	})
	if got := fill(t, nodes[0], what[0]); done.Load() < int64(slow.Events) || got < slow.Events-1 {
		t.Errorf("after %d events there is place for %d", done.Load(), got)
	}
}

// LimitCalls returns a call of every method of a limit.Counter, by name.
func LimitCalls(c limit.Counter) map[string]func(ctx context.Context) error {
	what := []limit.Count{count("a", "x")}
	return map[string]func(ctx context.Context) error{
		"TakeEvents":   func(ctx context.Context) error { return c.TakeEvents(ctx, what)[0].Err },
		"ReturnEvents": func(ctx context.Context) error { return c.ReturnEvents(ctx, what, []int64{1}) },
		"ForgetEvents": func(ctx context.Context) error { return c.ForgetEvents(ctx, what) },
		"ForgetBeginning": func(ctx context.Context) error {
			_, err := c.ForgetBeginning(ctx, []string{"a"}, "x")
			return err
		},
	}
}
