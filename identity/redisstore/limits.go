package redisstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
)

var _ limit.Counter = (*Store)(nil)

// readOnly are the reasons of a server that takes no writes and answers all the same.
var readOnly = []string{"store_readonly", "store_oom", "store_misconf", "store_noreplicas"}

// TakeEvents implements limit.Counter by the clock of the server, in one round
// trip. An event whose reply got lost may be counted though its reply has an Err,
// or twice: never too seldom.
func (s *Store) TakeEvents(ctx context.Context, counts []limit.Count) []limit.Reply {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	calls := make([]scripted, len(counts))
	for n, c := range counts {
		calls[n] = scripted{
			key: s.keys.bucket(c.Bucket, c.Of), args: []any{c.Rate.Interval().Microseconds(), c.Rate.Events},
		}
	}
	replies := make([]limit.Reply, len(counts))
	for n, cmd := range s.runAll(ctx, takeEventScript, false, calls) {
		numbers, err := cmd.Int64Slice()
		if err == nil && len(numbers) != 4 {
			err = unexpected(numbers)
		}
		if err != nil {
			err = classify("counting an event", err)
			replies[n] = limit.Reply{Err: err, ReadOnly: slices.Contains(readOnly, identity.ReasonOf(err))}
			continue
		}
		full := counts[n].Rate.Interval() * time.Duration(counts[n].Rate.Events)
		replies[n] = limit.Reply{
			Allowed: numbers[0] == 1, Wait: micros(numbers[1]), Used: float64(micros(numbers[2])) / float64(full), At: numbers[3],
		}
	}
	return replies
}

// ReturnEvents implements limit.Counter.
func (s *Store) ReturnEvents(ctx context.Context, counts []limit.Count, at []int64) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	calls := make([]scripted, len(counts))
	for n, c := range counts {
		calls[n] = scripted{
			key: s.keys.bucket(c.Bucket, c.Of), args: []any{c.Rate.Interval().Microseconds(), at[n]},
		}
	}
	var errs []error
	// Taken back twice, an event would make place for another.
	for _, cmd := range s.runAll(ctx, returnEventScript, true, calls) {
		reply, err := cmd.Int64()
		if err == nil && reply != 0 && reply != 1 {
			err = unexpected(reply)
		}
		errs = append(errs, err)
	}
	return classify("taking events back", errors.Join(errs...))
}

// ForgetEvents implements limit.Counter.
func (s *Store) ForgetEvents(ctx context.Context, counts []limit.Count) error {
	return s.do(ctx, "emptying buckets", func(ctx context.Context) error {
		removed := make([]*redis.IntCmd, len(counts))
		_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for n, c := range counts {
				removed[n] = p.Del(ctx, s.keys.bucket(c.Bucket, c.Of))
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, cmd := range removed {
			if n := cmd.Val(); n != 0 && n != 1 {
				return unexpected(n)
			}
		}
		return nil
	})
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// scripted is a call of a script of one key.
type scripted struct {
	key  string
	args []any
}

// runAll runs the script for each of the calls, in one round trip if every server
// that is asked knows it. once: nothing is sent again whose reply got lost.
func (s *Store) runAll(ctx context.Context, script *redis.Script, once bool, calls []scripted) []*redis.Cmd {
	cmds := make([]*redis.Cmd, len(calls))
	send := func(run func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd, wanted func(*redis.Cmd) bool) {
		pipe := s.client.Pipeline()
		for n, call := range calls {
			if !wanted(cmds[n]) {
				continue
			}
			if once {
				cmds[n] = run(ctx, onceScripter{pipe}, []string{call.key}, call.args...)
			} else {
				cmds[n] = run(ctx, pipe, []string{call.key}, call.args...)
			}
		}
		if _, err := pipe.Exec(ctx); err != nil {
			for _, cmd := range cmds {
				if cmd.Err() == nil && cmd.Val() == nil { // it was never sent
					cmd.SetErr(err)
				}
			}
		}
	}
	send(script.EvalSha, func(*redis.Cmd) bool { return true })
	unknown := func(cmd *redis.Cmd) bool { return cmd.Err() != nil && redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") }
	if slices.ContainsFunc(cmds, unknown) {
		send(script.Eval, unknown)
	}
	return cmds
}
