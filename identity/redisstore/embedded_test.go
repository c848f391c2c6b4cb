//go:build unix

package redisstore_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

func startEmbedded(t testing.TB) *redisstore.Embedded {
	t.Helper()
	e, err := redisstore.NewEmbedded()
	must(t, err)
	return e
}

func TestEmbeddedEndsWhole(t *testing.T) {
	before := goleak.IgnoreCurrent()
	e := startEmbedded(t)
	s, err := redisstore.New(e.Client(), redisstore.Options{Timeout: patient})
	must(t, err)
	var done sync.WaitGroup
	for n := range 20 {
		done.Go(func() {
			i := someone()
			i.ID = fmt.Sprintf("authid_%d", n)
			if err := s.Create(t.Context(), i); err != nil && !errors.Is(err, identity.ErrExists) {
				t.Error(err)
			}
		})
	}
	done.Wait()
	subscription := e.Client().Subscribe(t.Context(), "channel")
	if _, err := subscription.Receive(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, e.Close())
	must(t, e.Close()) // again does nothing
	_ = subscription.Close()
	goleak.VerifyNone(t, before)
	if _, err := s.Identity(t.Context(), alice); identity.ReasonOf(err) != "store_closed" {
		t.Errorf("reading from a closed store gave %v, reason %s", err, identity.ReasonOf(err))
	}
}

// TestEmbeddedClosesUnderUse: nothing panics or hangs.
func TestEmbeddedClosesUnderUse(t *testing.T) {
	t.Parallel()
	for range 20 {
		e := startEmbedded(t)
		s, err := redisstore.New(e.Client(), redisstore.Options{Timeout: patient})
		must(t, err)
		var done sync.WaitGroup
		for range 10 {
			done.Go(func() {
				for {
					_, err := s.Identity(t.Context(), alice)
					if identity.CodeOf(err) == identity.CodeUnavailable {
						return
					}
				}
			})
		}
		must(t, e.Close())
		done.Wait()
	}
}

func TestEmbeddedListensNowhere(t *testing.T) {
	t.Parallel()
	e := startEmbedded(t)
	defer e.Close()
	must(t, e.Client().Ping(t.Context()).Err())
	if addr := e.Addr(); addr != "" {
		t.Errorf("it listens on %s", addr)
	}
}

func TestEmbeddedLetsTimePass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := startEmbedded(t)
		defer e.Close()
		c := e.Client()
		s, err := redisstore.New(c, redisstore.Options{Timeout: patient})
		must(t, err)
		must(t, s.SaveSession(t.Context(), someSID, []byte("a"), time.Hour))
		must(t, c.Set(t.Context(), "short", "a", 500*time.Millisecond).Err())
		must(t, c.Set(t.Context(), "kept", "a", time.Minute).Err())
		must(t, c.Persist(t.Context(), "kept").Err())
		time.Sleep(400*time.Millisecond - time.Millisecond)
		must(t, c.Get(t.Context(), "short").Err())
		time.Sleep(201 * time.Millisecond)
		if err := c.Get(t.Context(), "short").Err(); err != redis.Nil {
			t.Errorf("after 600ms what was for 500ms gives %v", err)
		}
		time.Sleep(time.Hour - 2*time.Second)
		if _, err := s.LoadSession(t.Context(), someSID); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Second)
		if _, err := s.LoadSession(t.Context(), someSID); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("after its time the session gives %v", err)
		}
		must(t, c.Get(t.Context(), "kept").Err())
	})
}

// TestEmbeddedTakesLongPipelines: a pipe holds nothing, so a server that waits
// until its replies are read never gets the end of the pipeline.
func TestEmbeddedTakesLongPipelines(t *testing.T) {
	t.Parallel()
	e := startEmbedded(t)
	defer e.Close()
	long := strings.Repeat("a", 10_000)
	var values []*redis.StringCmd
	_, err := e.Client().Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for n := range 200 {
			p.Set(t.Context(), fmt.Sprint(n), long, 0)
			values = append(values, p.Get(t.Context(), fmt.Sprint(n)))
		}
		return nil
	})
	must(t, err)
	for n, value := range values {
		if value.Val() != long {
			t.Errorf("%d has %d bytes", n, len(value.Val()))
		}
	}
}

// TestEmbeddedDoes what the other parts of the sidecar ask of a Redis server.
func TestEmbeddedDoes(t *testing.T) {
	t.Parallel()
	e := startEmbedded(t)
	defer e.Close()
	c, ctx := e.Client(), t.Context()

	set, err := c.SetNX(ctx, "state", "a", time.Minute).Result()
	if again, _ := c.SetNX(ctx, "state", "b", time.Minute).Result(); err != nil || !set || again {
		t.Errorf("SET NX gave %t, %v, again %t", set, err, again)
	}
	if got, err := c.GetDel(ctx, "state").Result(); got != "a" || err != nil {
		t.Errorf("GETDEL gave %q, %v", got, err)
	}
	if err := c.GetDel(ctx, "state").Err(); err != redis.Nil {
		t.Errorf("GETDEL again gave %v", err)
	}

	must(t, c.XGroupCreateMkStream(ctx, "stream", "group", "0").Err())
	id, err := c.XAdd(ctx, &redis.XAddArgs{Stream: "stream", MaxLen: 100, Approx: true, Values: []string{"a", "b"}}).Result()
	must(t, err)
	read, err := c.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "group", Consumer: "one", Streams: []string{"stream", ">"}, Count: 10, Block: time.Second}).Result()
	if err != nil || len(read) != 1 || len(read[0].Messages) != 1 || read[0].Messages[0].ID != id {
		t.Fatalf("XREADGROUP gave %v, %v", read, err)
	}
	pending, err := c.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: "stream", Group: "group", Start: "-", End: "+", Count: 10}).Result()
	if err != nil || len(pending) != 1 || pending[0].Consumer != "one" || pending[0].RetryCount != 1 {
		t.Errorf("XPENDING gave %v, %v", pending, err)
	}
	claimed, _, err := c.XAutoClaim(ctx, &redis.XAutoClaimArgs{Stream: "stream", Group: "group", Consumer: "two", Start: "0"}).Result()
	if err != nil || len(claimed) != 1 || claimed[0].ID != id {
		t.Errorf("XAUTOCLAIM gave %v, %v", claimed, err)
	}
	if n, err := c.XAck(ctx, "stream", "group", id).Result(); n != 1 || err != nil {
		t.Errorf("XACK gave %d, %v", n, err)
	}
	if got := c.ClientGetName(ctx).Val(); got != "auth-sidecar" {
		t.Errorf("the client is called %q", got)
	}
}

// TestEmbeddedsAreApart: two shops in one process share nothing.
func TestEmbeddedsAreApart(t *testing.T) {
	t.Parallel()
	a, b := startEmbedded(t), startEmbedded(t)
	defer a.Close()
	defer b.Close()
	must(t, a.Client().Set(t.Context(), "a", "b", 0).Err())
	if err := b.Client().Get(t.Context(), "a").Err(); err != redis.Nil {
		t.Errorf("the other server gives %v", err)
	}
}
