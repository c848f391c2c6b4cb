//go:build unix

package redisstore_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

func TestEventsAreAppendedAndTrimmed(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *queueTest) {
		const key = "auth:" + redisstore.EventsKey
		now := q.client.Time(t.Context()).Val()
		for _, age := range []time.Duration{2 * time.Hour, 30 * time.Minute} {
			id := fmt.Sprintf("%d-0", now.Add(-age).UnixMilli())
			if err := q.client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, ID: id, Values: []any{"id", "old"}}).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if err := redisstore.NewEvents(q.client, key, time.Hour).Append(t.Context(), "id", "new", "data", "{}"); err != nil {
			t.Fatal(err)
		}
		entries, err := q.client.XRange(t.Context(), key, "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != 2 || entries[0].Values["id"] != "old" ||
			!maps.Equal(entries[1].Values, map[string]any{"id": "new", "data": "{}"}) {
			t.Errorf("the stream holds %v", entries)
		}
	})
}

func TestEventsRefuseHalfAField(t *testing.T) {
	onEveryRedis(t, func(t *testing.T, q *queueTest) {
		if err := redisstore.NewEvents(q.client, "auth:events", time.Hour).Append(t.Context(), "id"); err == nil {
			t.Error("a name without a value was appended")
		}
	})
}
