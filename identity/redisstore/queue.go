package redisstore

import (
	"context"
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
	queueLimit = 100_000
	// A consumer that was silent for so long is forgotten once nothing is left
	// in its hands.
	consumerGone = time.Hour
	// A group in which nobody read for so long is one of a notifier that was
	// taken out of the configuration; it would keep requests from being removed.
	groupGone = 24 * time.Hour
)

// Queue keeps accepted reset requests in one stream, and for each notifier a
// consumer group on it, which begins with the oldest request. It holds what
// people typed, never a token. It is safe for concurrent use, also by several
// processes.
type Queue struct {
	client redis.UniversalClient
	key    string
	limit  int
}

// NewQueue makes a Queue whose key begins with prefix.
func NewQueue(client redis.UniversalClient, prefix string) *Queue {
	return &Queue{client: client, key: prefix + queueKey, limit: queueLimit}
}

// Enqueue appends a request, at the same cost whoever it is for. CodeUnavailable
// when Redis cannot be asked, and with reason `reset_queue_full` when too many
// requests wait: refusing a request is better than forgetting one.
func (q *Queue) Enqueue(ctx context.Context, r identity.ResetRequest) error {
	request, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding a reset request: %w", err)
	}
	stored, err := enqueueScript.Run(ctx, q.client, []string{q.key}, q.limit, request).Bool()
	if err != nil {
		return queueError("appending a reset request", err)
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
	take := func() ([]any, error) {
		return takeScript.Run(ctx, q.client, []string{q.key}, group, consumer, lease.Milliseconds(), limit).Slice()
	}
	taken, err := take()
	if noGroup(err) {
		if err = q.createGroup(ctx, group); err == nil {
			taken, err = take()
		}
	}
	if err != nil {
		return queueError("taking reset requests", err)
	}
	for _, entry := range taken {
		fields, ok := entry.([]any)
		if !ok || len(fields) != 3 {
			return fmt.Errorf("taking reset requests: unexpected reply %T", entry)
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
	if err := q.client.XAck(ctx, q.key, group, id).Err(); err != nil {
		return queueError("acknowledging a reset request", err)
	}
	return nil
}

// PutBack makes a request due again after delay, at most the lease, for whoever
// asks first. It does nothing when another consumer has the request by now.
func (q *Queue) PutBack(ctx context.Context, group, consumer, id string, lease, delay time.Duration) error {
	// Take looks at how long a request was left alone, so a request that is to
	// be due sooner is dated back. No second list of delays is needed.
	idle := max(lease-delay, 0)
	err := putBackScript.Run(ctx, q.client, []string{q.key}, group, consumer, id, idle.Milliseconds()).Err()
	if err != nil && !noGroup(err) { // without the group there is nothing to put back
		return queueError("putting a reset request back", err)
	}
	return nil
}

// Sweep removes requests that every group is done with or that are older than
// age by the server's clock, consumers that are gone and groups without any.
func (q *Queue) Sweep(ctx context.Context, age time.Duration) error {
	err := sweepScript.Run(ctx, q.client, []string{q.key},
		age.Milliseconds(), consumerGone.Milliseconds(), groupGone.Milliseconds()).Err()
	if err != nil {
		return queueError("sweeping the reset queue", err)
	}
	return nil
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

func queueError(operation string, err error) error {
	return fmt.Errorf("%s: %w", operation, identity.Unavailable("redis_unavailable", err))
}

// The scripts have one key. Looking and acting are one step in each of them.
var (
	// limit, request
	enqueueScript = redis.NewScript(`
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('XADD', KEYS[1], '*', 'request', ARGV[2])
return 1`)

	// group, consumer, lease in ms, limit
	takeScript = redis.NewScript(`
local limit = tonumber(ARGV[4])
local due = redis.pcall('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], '-', '+', limit)
if due.err then return due end
local taken = {}
for _, pending in ipairs(due) do
	local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, pending[1])[1]
	taken[#taken + 1] = {pending[1], pending[4] + 1, entry and entry[2] or false}
end
if #taken < limit then
	local fresh = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', limit - #taken, 'STREAMS', KEYS[1], '>')
	for _, entry in ipairs(fresh and fresh[1][2] or {}) do
		taken[#taken + 1] = {entry[1], 1, entry[2]}
	end
end
return taken`)

	// group, consumer, id, idle in ms
	putBackScript = redis.NewScript(`
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if pending.err then return pending end
if pending[1] then
	redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3],
		'IDLE', ARGV[4], 'RETRYCOUNT', pending[1][4], 'JUSTID')
end
return 0`)

	// age, consumerGone and groupGone in ms
	sweepScript = redis.NewScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local age, consumerGone, groupGone = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local function map(list)
	local m = {}
	for i = 1, #list, 2 do m[list[i]] = list[i + 1] end
	return m
end

local function id(text)
	local ms, seq = string.match(text, '^(%d+)%-?(%d*)$')
	return {ms = tonumber(ms), seq = tonumber(seq) or 0}
end

local function before(a, b)
	return a.ms < b.ms or (a.ms == b.ms and a.seq < b.seq)
end

local keep -- the first entry that some group still needs
for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
	local group = map(g)
	local consumers, newest = {}, nil
	for i, c in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], group.name)) do
		consumers[i] = map(c)
		newest = math.min(newest or consumers[i].idle, consumers[i].idle)
	end
	if newest and newest > groupGone then
		redis.call('XGROUP', 'DESTROY', KEYS[1], group.name)
	else
		-- The last one to be seen stays: it tells since when the group is left alone.
		for _, c in ipairs(consumers) do
			if c.idle > consumerGone and c.idle > newest and c.pending == 0 then
				redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group.name, c.name)
			end
		end
		local pending = redis.call('XPENDING', KEYS[1], group.name)
		local first
		if pending[1] > 0 then
			first = id(pending[2])
		else
			first = id(group['last-delivered-id'])
			first.seq = first.seq + 1
		end
		if not keep or before(first, keep) then keep = first end
	end
end

local now = redis.call('TIME')
local oldest = {ms = now[1] * 1000 + math.floor(now[2] / 1000) - age, seq = 0}
if not keep or before(keep, oldest) then keep = oldest end
return redis.call('XTRIM', KEYS[1], 'MINID', '=', string.format('%.0f-%.0f', keep.ms, keep.seq))`)
)
