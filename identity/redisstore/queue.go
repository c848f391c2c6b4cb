package redisstore

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	// queueKey is the stream of accepted reset requests, behind the prefix.
	queueKey = "rq"
	// queueLimit is how many requests may wait. Handled ones leave the stream,
	// so only an attack or a long outage of a notifier gets there.
	queueLimit = 10_000
	// workTimeout bounds the operations that no visitor waits for.
	workTimeout = 5 * time.Second
	// A consumer that was silent for so long is forgotten once nothing is left
	// in its hands.
	consumerGone = time.Hour
	// A group in which nobody read for so long is one of a notifier that was
	// taken out of the configuration; it would keep requests from being removed.
	groupGone = 24 * time.Hour
)

var (
	//go:embed scripts/enqueue.lua
	enqueueLua string
	//go:embed scripts/take.lua
	takeLua string
	//go:embed scripts/put_back.lua
	putBackLua string
	//go:embed scripts/sweep.lua
	sweepLua string

	enqueueScript = redis.NewScript(enqueueLua)
	takeScript    = redis.NewScript(takeLua)
	putBackScript = redis.NewScript(putBackLua)
	sweepScript   = redis.NewScript(sweepLua)
)

// Queue keeps accepted reset requests in one stream, and for each notifier a
// consumer group on it, which begins with the oldest request. It holds what
// people typed, never a token. It is safe for concurrent use, also by several
// processes.
type Queue struct {
	client redis.UniversalClient
	prefix string
	key    string
	limit  int
	// timeout bounds Enqueue, whose caller has a client waiting.
	timeout time.Duration
}

var _ identity.ResetQueue = (*Queue)(nil)

// NewQueue makes a Queue whose key begins with prefix, by default DefaultPrefix.
// timeout bounds Enqueue, by default DefaultTimeout.
func NewQueue(client redis.UniversalClient, prefix string, timeout time.Duration) *Queue {
	return &Queue{
		client: client, prefix: cmp.Or(prefix, DefaultPrefix), key: cmp.Or(prefix, DefaultPrefix) + queueKey, limit: queueLimit,
		timeout: cmp.Or(timeout, DefaultTimeout),
	}
}

func (q *Queue) run(ctx context.Context, script *redis.Script, args ...any) *redis.Cmd {
	return script.Run(ctx, q.client, []string{q.key}, args...)
}

// Enqueue appends a request, at the same cost whoever it is for, and waits for
// replicas if the client does. CodeUnavailable
// when Redis cannot be asked, and with reason `reset_queue_full` when too many
// requests wait: refusing a request is better than forgetting one.
func (q *Queue) Enqueue(ctx context.Context, r identity.ResetRequest) error {
	request, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding a reset request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	stored, err := q.run(fenced(ctx, q.prefix), enqueueScript, q.limit, request).Bool()
	if err != nil {
		return classify("appending a reset request", err)
	}
	if !stored {
		return identity.Unavailable("reset_queue_full", fmt.Errorf("%d reset requests are waiting", q.limit))
	}
	return nil
}

// Take hands at most limit requests to deliver: first those whose lease or
// delay is over, the oldest first, then new ones. They are the consumer's for
// the length of the lease. attempt counts from 1; err says that a request cannot
// be read. The group is created when it does not exist.
func (q *Queue) Take(ctx context.Context, group, consumer string, limit int, lease time.Duration,
	deliver func(id string, attempt int, r identity.ResetRequest, err error),
) error {
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	take := func() ([]any, error) {
		return q.run(ctx, takeScript, group, consumer, lease.Milliseconds(), limit).Slice()
	}
	taken, err := take()
	if noGroup(err) {
		if err = q.createGroup(ctx, group); err == nil {
			taken, err = take()
		}
	}
	if err != nil {
		return classify("taking reset requests", err)
	}
	for _, entry := range taken {
		fields, ok := entry.([]any)
		if !ok || len(fields) != 3 {
			return classify("taking reset requests", corrupt(fmt.Errorf("an entry is %T", entry)))
		}
		id, _ := fields[0].(string)
		attempt, _ := fields[1].(int64)
		r, err := decodeRequest(fields[2])
		deliver(id, int(attempt), r, err)
	}
	return nil
}

// Done ends the group's work on a request.
func (q *Queue) Done(ctx context.Context, group, id string) error {
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	return classify("acknowledging a reset request", q.client.XAck(ctx, q.key, group, id).Err())
}

// PutBack makes a request due again after delay, at most the lease, for whoever
// asks first. It does nothing when another consumer has the request by now.
func (q *Queue) PutBack(ctx context.Context, group, consumer, id string, lease, delay time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	// Take looks at how long a request was left alone, so a request that is to
	// be due sooner is dated back. No second list of delays is needed.
	idle := max(lease-delay, 0)
	err := q.run(ctx, putBackScript, group, consumer, id, idle.Milliseconds()).Err()
	if noGroup(err) { // then there is nothing to put back
		return nil
	}
	return classify("putting a reset request back", err)
}

// Sweep removes requests that every group is done with or that are older than
// age by the server's clock, consumers that are gone and groups without any.
func (q *Queue) Sweep(ctx context.Context, age time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	err := q.run(ctx, sweepScript, age.Milliseconds(), consumerGone.Milliseconds(), groupGone.Milliseconds()).Err()
	return classify("sweeping the reset queue", err)
}

func (q *Queue) createGroup(ctx context.Context, group string) error {
	err := q.client.XGroupCreateMkStream(ctx, q.key, group, "0").Err()
	if err != nil && !redis.HasErrorPrefix(err, "BUSYGROUP") { // another process was faster
		return err
	}
	return nil
}

// decodeRequest reads the fields of an entry, nil when it was removed from the
// stream while it was in somebody's hands.
func decodeRequest(fields any) (identity.ResetRequest, error) {
	list, _ := fields.([]any)
	if len(list) != 2 {
		return identity.ResetRequest{}, errors.New("the entry was removed or is not a reset request")
	}
	text, _ := list[1].(string)
	var r identity.ResetRequest
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&r); err != nil {
		// Not the cause: it may quote what somebody typed.
		return identity.ResetRequest{}, errors.New("the entry is not a reset request")
	}
	return r, nil
}

func noGroup(err error) bool { return redis.HasErrorPrefix(err, "NOGROUP") }
