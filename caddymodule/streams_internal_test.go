package caddymodule

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// streamOf makes a stream that is looked after by nobody but the test.
func streamOf(f *follower, id, sid string) *openStream {
	c := &verify.Caller{Claims: identity.Claims{IdentityID: id}, Method: verify.Bearer}
	if sid != "" {
		c.Method = verify.Session
	}
	return &openStream{of: f, caller: c, sid: sid, timer: time.AfterFunc(time.Hour, func() {})}
}

// What ends concerns the streams of that session or identity and no other, whatever
// has begun and ended before.
func TestStreamsByWhoseTheyAre(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		open := newStreams()
		asked := make(chan string, 10)
		f := &follower{age: time.Hour, logger: zap.NewNop(), still: func(_ context.Context, c *verify.Caller, sid string) error {
			asked <- c.Claims.IdentityID + sid
			return nil
		}}
		var all []*openStream
		for _, of := range [][2]string{{"ann", ""}, {"ann", "1"}, {"ann", "1"}, {"ann", "2"}, {"bob", "2"}, {"bob", ""}} {
			all = append(all, streamOf(f, of[0], of[1]))
			open.add(all[len(all)-1])
		}
		want := func(names ...string) {
			t.Helper()
			synctest.Wait()
			var got []string
			for len(asked) > 0 {
				got = append(got, <-asked)
			}
			slices.Sort(got)
			if !slices.Equal(got, names) {
				t.Errorf("asked about %v, want %v", got, names)
			}
		}
		open.recheck(redisstore.Revocation{IdentityID: "ann"})
		want("ann", "ann1", "ann1", "ann2")
		open.recheck(redisstore.Revocation{SID: "1"})
		want("ann1", "ann1")
		open.recheck(redisstore.Revocation{SID: "2"})
		want("ann2", "bob2")
		open.recheck(redisstore.Revocation{IdentityID: "eve"})
		open.recheck(redisstore.Revocation{SID: "ann"})
		want()
		open.recheckAll()
		want("ann", "ann1", "ann1", "ann2", "bob", "bob2")
		open.remove(all[1])
		open.remove(all[4])
		open.recheck(redisstore.Revocation{SID: "1"})
		open.recheck(redisstore.Revocation{IdentityID: "bob"})
		want("ann1", "bob")
		for _, s := range all {
			open.remove(s)
			s.timer.Stop()
		}
		if n := len(open.all) + len(open.byIdentity) + len(open.bySession); n != 0 {
			t.Errorf("%d entries are left", n)
		}
	})
}

// closing is a client that knows whether it was closed.
type closing struct {
	redis.UniversalClient
	closed atomic.Bool
}

func (c *closing) Close() error {
	c.closed.Store(true)
	return nil
}

// A connection that no configuration uses is there for as long as a stream needs it,
// or a request whose answer has yet to begin may.
func TestConnectionOutlivesItsStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := new(closing)
		c := &connection{client: client}
		two := []*responseFilter{{}, {}}
		for _, w := range two {
			w.follow(httptest.NewRequest("GET", "/", nil), new(state), &follower{using: &c.followed})
		}
		if err := c.Destruct(); err != nil {
			t.Fatal(err)
		}
		for _, w := range two {
			time.Sleep(100 * drainDelay)
			if client.closed.Load() {
				t.Fatal("it was closed")
			}
			w.end()
		}
		time.Sleep(drainDelay)
		synctest.Wait()
		if !client.closed.Load() {
			t.Error("it is open still")
		}
	})
}

// BenchmarkAnnouncement measures how long a revocation that is announced occupies
// who listens to them, while ten thousand streams are open.
func BenchmarkAnnouncement(b *testing.B) {
	const streams = 10_000
	open := newStreams()
	f := &follower{age: time.Hour, logger: zap.NewNop(), still: func(context.Context, *verify.Caller, string) error { return nil }}
	for n := range streams {
		s := streamOf(f, fmt.Sprintf("authid_%d", n), fmt.Sprintf("sid_%d", n))
		open.add(s)
		b.Cleanup(func() { s.timer.Stop() })
	}
	for name, r := range map[string]redisstore.Revocation{
		"of nobody":    {IdentityID: "authid_of_nobody"},
		"of somebody":  {IdentityID: "authid_4711"},
		"of a session": {SID: "sid_4711"},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				open.recheck(r)
			}
		})
	}
}
