//go:build unix

package identitytest_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

func connect(t *testing.T, r *identitytest.Redis) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(r.URL())
	if err != nil {
		t.Fatal(err)
	}
	opts.ContextTimeoutEnabled = true
	c := redis.NewClient(opts)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestRedisIsEmptyAndItsOwn(t *testing.T) {
	t.Parallel()
	a, b := identitytest.StartRedis(t), identitytest.StartRedis(t)
	if a.Addr() == b.Addr() || a.Pid() == b.Pid() {
		t.Fatalf("two servers share %s (pids %d, %d)", a.Addr(), a.Pid(), b.Pid())
	}
	if err := connect(t, a).Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := connect(t, b).Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Fatalf("the second server answers %v, want no such key", err)
	}
}

func TestRedisPauseAndResume(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	c := connect(t, r)
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	r.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Ping(ctx).Err(); !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a paused server answered: %v", err)
	}
	r.Resume()
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Fatalf("after resuming: %v", err)
	}
}

func TestRedisRestart(t *testing.T) {
	t.Parallel()
	appended := []string{"--appendonly", "yes", "--appendfsync", "always"}
	for name, test := range map[string]struct {
		args []string
		end  func(*identitytest.Redis)
		want string
	}{
		"stopped":             {nil, (*identitytest.Redis).Stop, ""},
		"stopped, appended":   {appended, (*identitytest.Redis).Stop, "v"},
		"killed, appended":    {appended, (*identitytest.Redis).Kill, "v"},
		"paused, appended":    {appended, (*identitytest.Redis).Pause, "v"},
		"running, appended":   {appended, func(*identitytest.Redis) {}, "v"},
		"killed while paused": {appended, func(r *identitytest.Redis) { r.Pause(); r.Kill() }, "v"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := identitytest.StartRedis(t, test.args...)
			if err := connect(t, r).Set(t.Context(), "k", "v", 0).Err(); err != nil {
				t.Fatal(err)
			}
			addr, pid := r.Addr(), r.Pid()
			test.end(r)
			r.Restart()
			if r.Addr() != addr || r.Pid() == pid {
				t.Errorf("restarted at %s with pid %d; was %s, %d", r.Addr(), r.Pid(), addr, pid)
			}
			got, err := connect(t, r).Get(t.Context(), "k").Result()
			if err != nil && !errors.Is(err, redis.Nil) {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("after the restart the key holds %q, want %q", got, test.want)
			}
		})
	}
}
