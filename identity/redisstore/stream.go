package redisstore

import (
	"context"
	_ "embed"
	"time"

	"github.com/redis/go-redis/v9"
)

// EventsKey is the name, behind the prefix, that the stream for the shop's own
// programs has unless another one is asked for.
const EventsKey = "events"

var (
	//go:embed scripts/append_event.lua
	appendEventLua    string
	appendEventScript = redis.NewScript(appendEventLua)
)

// Events is a stream that other programs read. What is in it is worthless
// after a while, and goes then.
type Events struct {
	client redis.UniversalClient
	key    string
	maxAge time.Duration
}

// NewEvents makes an Events. key is the whole key of the stream. Appending an
// entry removes those that are older than maxAge by the server's clock.
func NewEvents(client redis.UniversalClient, key string, maxAge time.Duration) *Events {
	return &Events{client: client, key: key, maxAge: maxAge}
}

// Append adds an entry of alternating field names and values. CodeUnavailable
// when Redis did not confirm it, or the replicas that the client waits for.
func (e *Events) Append(ctx context.Context, fields ...string) error {
	args := make([]any, 0, len(fields)+1)
	args = append(args, e.maxAge.Milliseconds())
	for _, f := range fields {
		args = append(args, f)
	}
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	ctx = fenced(ctx, e.key+":")
	return classify("appending an event", appendEventScript.Run(ctx, e.client, []string{e.key}, args...).Err())
}
