//go:build unix

package identitytest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// through is a client of a server by way of a relay: it sends nothing twice.
func through(t *testing.T, protocol int) (*redis.Client, *identitytest.Relay, *identitytest.Redis) {
	t.Helper()
	server := identitytest.StartRedis(t)
	relay := identitytest.StartRelay(t, server.Addr())
	client := redis.NewClient(&redis.Options{
		Addr: relay.Addr(), Protocol: protocol, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true, ContextTimeoutEnabled: true,
	})
	t.Cleanup(func() { _ = client.Close() })
	return client, relay, server
}

func only(name string, fate identitytest.Fate) func([]string) identitytest.Fate {
	return func(command []string) identitytest.Fate {
		if command[0] == name {
			return fate
		}
		return identitytest.Fate{}
	}
}

func TestRelayPasses(t *testing.T) {
	t.Parallel()
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprint(protocol), func(t *testing.T) {
			t.Parallel()
			client, _, _ := through(t, protocol)
			_, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				for n := range 500 {
					p.HSet(t.Context(), "h", fmt.Sprint(n), "a $3\r\nvalue")
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			all, err := client.HGetAll(t.Context(), "h").Result()
			if err != nil || len(all) != 500 || all["7"] != "a $3\r\nvalue" {
				t.Errorf("read %d fields, %q, %v", len(all), all["7"], err)
			}
			subscription := client.Subscribe(t.Context(), "news")
			defer subscription.Close()
			if _, err := subscription.Receive(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := client.Publish(t.Context(), "news", "hello").Err(); err != nil {
				t.Fatal(err)
			}
			if m, err := subscription.ReceiveMessage(t.Context()); err != nil || m.Payload != "hello" {
				t.Errorf("received %v, %v", m, err)
			}
		})
	}
}

func TestRelayFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fate identitytest.Fate
		err  func(error) bool
		done bool // whether the server carried it out
	}{
		"injected":       {identitytest.Fate{Reply: "-LOADING data"}, func(err error) bool { return redis.HasErrorPrefix(err, "LOADING") }, false},
		"vanishes":       {identitytest.Fate{Vanish: true}, isDeadline, false},
		"late":           {identitytest.Fate{Delay: time.Hour}, isDeadline, true},
		"before command": {identitytest.Fate{Reset: identitytest.BeforeCommand}, isReset, false},
		"before reply":   {identitytest.Fate{Reset: identitytest.BeforeReply}, isReset, true},
		"in reply":       {identitytest.Fate{Reset: identitytest.InReply}, isReset, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, relay, server := through(t, 3)
			if err := client.Ping(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			relay.Set(only("SET", test.fate))
			ctx := t.Context()
			if test.fate.Vanish || test.fate.Delay > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
			}
			if err := client.Set(ctx, "k", "v", 0).Err(); !test.err(err) {
				t.Errorf("got %v", err)
			}
			relay.Set(nil)
			for test.done && client.Exists(t.Context(), "k").Val() != 1 && t.Context().Err() == nil { // it was on its way
				time.Sleep(time.Millisecond)
			}
			if n, err := connect(t, server).Exists(t.Context(), "k").Result(); err != nil || n == 1 != test.done {
				t.Errorf("it is there: %d, %v", n, err)
			}
		})
	}
}

func isDeadline(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// An injected reply keeps its place among those of the server.
func TestRelayKeepsTheOrder(t *testing.T) {
	t.Parallel()
	client, relay, _ := through(t, 3)
	relay.Set(only("INCR", identitytest.Fate{Reply: ":42"}))
	var set *redis.StatusCmd
	var incr *redis.IntCmd
	var get *redis.StringCmd
	_, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		set, incr, get = p.Set(t.Context(), "k", "v", 0), p.Incr(t.Context(), "k"), p.Get(t.Context(), "k")
		return nil
	})
	if err != nil || set.Val() != "OK" || incr.Val() != 42 || get.Val() != "v" {
		t.Errorf("got %v, %v, %v, %v", set, incr, get, err)
	}
}

func TestRelayRefusesAndCuts(t *testing.T) {
	t.Parallel()
	client, relay, _ := through(t, 3)
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	relay.Refuse()
	for range 3 { // the first may have a connection that was reset
		if err := client.Ping(t.Context()).Err(); !errors.Is(err, syscall.ECONNREFUSED) && !isReset(err) {
			t.Errorf("got %v", err)
		}
	}
	relay.Accept(t)
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
	relay.Cut()
	// The client looks at an idle connection before it uses it: nothing is lost.
	for range 3 {
		if err := client.Ping(t.Context()).Err(); err != nil && !isReset(err) {
			t.Error(err)
		}
	}
}

func TestRelayLeads(t *testing.T) {
	t.Parallel()
	client, relay, _ := through(t, 3)
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	held := make(chan struct{})
	relay.Set(only("GET", identitytest.Fate{Replied: func() { close(held) }, Delay: time.Hour}))
	asked := make(chan error, 1)
	go func() { asked <- client.Get(context.Background(), "k").Err() }()
	<-held
	relay.Lead(identitytest.StartRedis(t).Addr())
	if err := <-asked; err == nil {
		t.Error("a connection to the last server outlived the next")
	}
	relay.Set(nil)
	if n, err := client.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("the other server has %d keys, %v", n, err)
	}
}
