//go:build unix

package identitytest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

func TestReplicas(t *testing.T) {
	t.Parallel()
	r := identitytest.StartReplicas(t, 2)
	master := r.Nodes[0]
	if r.Master() != master || len(r.Replicas()) != 2 {
		t.Fatalf("the master is %v, with %d replicas", r.Master(), len(r.Replicas()))
	}
	master.MustAsk("SET", "k", "v")
	if n := master.MustAsk("WAIT", 2, 0); n != int64(2) {
		t.Errorf("%v replicas have it", n)
	}
	r.Cut()
	master.MustAsk("SET", "k", "w")
	if got := r.Nodes[1].MustAsk("GET", "k"); got != "v" {
		t.Errorf("after the cut a replica has %v", got)
	}
	r.Mend()
	master.Kill()
	r.Promote(r.Nodes[1])
	r.AwaitInStep()
	if got := r.Nodes[2].MustAsk("GET", "k"); r.Master() != r.Nodes[1] || got != "w" {
		t.Errorf("after the promotion the other replica has %v", got)
	}
	r.Rejoin(master, r.Nodes[1])
	if got := master.MustAsk("GET", "k"); got != "w" {
		t.Errorf("the last master came back with %v", got)
	}
	r.Nodes[1].MustAsk("SET", "k", "x")
	r.AwaitReplicated()
	for _, replica := range []*identitytest.Redis{master, r.Nodes[2]} {
		if got := replica.MustAsk("GET", "k"); got != "x" {
			t.Errorf("a replica that has everything has %v", got)
		}
	}
}

func TestSentinels(t *testing.T) {
	t.Parallel()
	s := identitytest.StartSentinels(t, 2)
	s.Patience(time.Second)
	first := s.Master()
	first.MustAsk("SET", "k", "v")
	first.MustAsk("WAIT", 2, 0)
	first.Kill()
	second := s.AwaitFailover(first)
	if got := second.MustAsk("GET", "k"); second == first || got != "v" {
		t.Errorf("the new master has %v", got)
	}
	first.Restart() // and is told that it is a replica now
	s.Sentinels[0].Kill()
	s.RestartSentinel(s.Sentinels[0])
	s.AwaitWatched()
	if s.Master() != second || len(s.Replicas()) != 2 {
		t.Errorf("the old master came back as such, or as nothing: %d replicas", len(s.Replicas()))
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	c := identitytest.StartCluster(t, 1)
	c.Patience(2 * time.Second)
	if len(c.Nodes) != 6 || len(c.Masters()) != 3 {
		t.Fatalf("%d of %d nodes are masters", len(c.Masters()), len(c.Nodes))
	}
	first := c.MasterOf("k")
	first.MustAsk("SET", "k", "v")
	c.AwaitReplicated()
	if replicas := c.ReplicasOf(first); len(replicas) != 1 {
		t.Errorf("it has %d replicas", len(replicas))
	}
	first.Kill()
	c.AwaitFailover(first)
	second := c.MasterOf("k")
	if got := second.MustAsk("GET", "k"); second == first || got != "v" {
		t.Errorf("the new master has %v", got)
	}
	first.Restart()
	c.AwaitWhole()
	if _, err := first.Ask("GET", "k"); !redis.HasErrorPrefix(err, "MOVED") {
		t.Errorf("the old master answers %v", err)
	}
}

func TestRedisTLS(t *testing.T) {
	t.Parallel()
	r, caFile := identitytest.StartRedisTLS(t)
	if got := r.MustAsk("PING"); got != "PONG" || caFile == "" {
		t.Errorf("it answers %v", got)
	}
	plain := redis.NewClient(&redis.Options{Addr: r.Addr(), MaxRetries: -1})
	defer plain.Close()
	if err := plain.Ping(t.Context()).Err(); err == nil {
		t.Error("it answers without TLS")
	}
}

func TestRedisACL(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedisACL(t, "~auth:* +get +set")
	r.MustAsk("SET", "auth:k", "v")
	for _, command := range [][]any{{"SET", "other", "v"}, {"DEL", "auth:k"}} {
		if _, err := r.Ask(command...); !redis.HasErrorPrefix(err, "NOPERM") {
			t.Errorf("%v gave %v", command, err)
		}
	}
	anybody := redis.NewClient(&redis.Options{Addr: r.Addr()})
	defer anybody.Close()
	if err := anybody.Get(t.Context(), "auth:k").Err(); err == nil || errors.Is(err, redis.Nil) {
		t.Errorf("anybody gets %v", err)
	}
}
