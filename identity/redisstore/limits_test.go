//go:build unix

package redisstore_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, start := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connect := start(t)
			identitytest.RunLimits(t, func(t *testing.T) []limit.Counter {
				prefix := fmt.Sprintf("test%d:", prefixes.Add(1))
				var nodes []limit.Counter
				client := connect(t)
				for range 3 {
					s, err := redisstore.New(client, redisstore.Options{Prefix: prefix, Timeout: patient})
					must(t, err)
					nodes = append(nodes, s)
					if name != "embedded" { // another client would be another server
						client = connect(t)
					}
				}
				return nodes
			})
		})
	}
}

var (
	events = limit.Rate{Events: 3, Window: time.Hour}
	bucket = limit.Count{Bucket: "account", Of: address, Rate: events}
)

func keyOf(c limit.Count) string {
	sum := sha256.Sum256([]byte(c.Of))
	return "auth:rl:" + c.Bucket + ":" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// A bucket is one key, which says nothing of whose it is and goes by itself.
func TestBucketKey(t *testing.T) {
	t.Parallel()
	client := newClient(t, identitytest.StartRedis(t).URL())
	s, err := redisstore.New(client, redisstore.Options{Timeout: patient})
	must(t, err)
	replies := s.TakeEvents(t.Context(), []limit.Count{bucket})
	must(t, replies[0].Err)
	keys, err := client.Keys(t.Context(), "*").Result()
	must(t, err)
	want := keyOf(bucket)
	if len(keys) != 1 || keys[0] != want {
		t.Fatalf("got the keys %q, want %q", keys, want)
	}
	ttl, err := client.PTTL(t.Context(), want).Result()
	must(t, err)
	if ttl <= 0 || ttl > events.Interval() {
		t.Errorf("it lasts %v, want %v", ttl, events.Interval())
	}
	must(t, s.ReturnEvents(t.Context(), []limit.Count{bucket}, []int64{replies[0].At + time.Hour.Microseconds()}))
	if n, err := client.Exists(t.Context(), want).Result(); err != nil || n != 0 {
		t.Errorf("an empty bucket stays: %d, %v", n, err)
	}
	for _, garbage := range []string{"x", "", "1 2"} {
		must(t, client.Set(t.Context(), want, garbage, 0).Err())
		err := s.TakeEvents(t.Context(), []limit.Count{bucket})[0].Err
		if identity.ReasonOf(err) != "store_corrupt" {
			t.Errorf("%q: %v", garbage, err)
		}
		if err := s.ReturnEvents(t.Context(), []limit.Count{bucket}, []int64{time.Now().UnixMicro()}); identity.ReasonOf(err) != "store_corrupt" {
			t.Errorf("taking back of %q: %v", garbage, err)
		}
	}
}

// A server that forgot the scripts gets them again, and of several buckets each
// answers for itself.
func TestLimitsAfterScriptFlush(t *testing.T) {
	t.Parallel()
	client := newClient(t, identitytest.StartRedis(t).URL())
	s, err := redisstore.New(client, redisstore.Options{Timeout: patient})
	must(t, err)
	other := limit.Count{Bucket: "login", Of: "192.0.2.1", Rate: events}
	must(t, client.Set(t.Context(), keyOf(other), "garbage", 0).Err())
	for n := range events.Events + 1 {
		must(t, client.ScriptFlush(t.Context()).Err())
		replies := s.TakeEvents(t.Context(), []limit.Count{bucket, other})
		if replies[0].Err != nil || replies[0].Allowed != (n < events.Events) || identity.ReasonOf(replies[1].Err) != "store_corrupt" {
			t.Errorf("event %d: %+v", n, replies)
		}
	}
}

// One round trip, however many buckets.
func TestLimitsRoundTrips(t *testing.T) {
	t.Parallel()
	client := newEmbedded(t)
	s := newStore(t, client, nil)
	must(t, s.TakeEvents(t.Context(), []limit.Count{bucket})[0].Err)
	var trips tripCounter
	client.AddHook(&trips)
	s.TakeEvents(t.Context(), []limit.Count{bucket, {Bucket: "login", Of: "x", Rate: events}, {Bucket: "network", Of: "y", Rate: events}})
	if trips.pipelines != 1 || trips.commands != 0 {
		t.Errorf("%d pipelines and %d commands", trips.pipelines, trips.commands)
	}
}

type tripCounter struct {
	recorder
	pipelines, commands int
}

func (c *tripCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.commands++
		return next(ctx, cmd)
	}
}

func (c *tripCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.pipelines++
		return next(ctx, cmds)
	}
}
