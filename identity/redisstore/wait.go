package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Wait says on how many replicas a write must be before it counts as done, and for
// how long it may be on its way there. The zero value waits for none.
type Wait struct {
	Replicas int
	Timeout  time.Duration
}

func (w Wait) check(timeout time.Duration) error {
	switch {
	case w == Wait{}:
		return nil
	case w.Replicas < 1:
		return errors.New("redis: wait: want at least one replica")
	case w.Timeout < time.Millisecond:
		return errors.New("redis: wait: want a timeout of at least 1ms")
	case w.Timeout >= timeout:
		return fmt.Errorf("redis: wait: its timeout %v must be shorter than that of an operation, %v: shorten it, or lengthen timeout", w.Timeout, timeout)
	}
	return nil
}

// notReplicated says that a write may be done, and may be undone by a failover.
type notReplicated struct{ has, want int64 }

func (e notReplicated) Error() string {
	return fmt.Sprintf("on %d replicas in time, want %d", e.has, e.want)
}

// redirects are the replies of a node to a key that is, or may be, on another one.
var redirects = []string{"ASK", "MOVED", "TRYAGAIN", "READONLY", "CLUSTERDOWN"}

type fenceKey struct{}

// fenced returns a context whose commands are answered once what they wrote or
// read is on the replicas that the client waits for, if it waits for any.
func fenced(ctx context.Context, prefix string) context.Context {
	return context.WithValue(ctx, fenceKey{}, prefix)
}

// fenceTTL is the life of a fence. It has done its work when it is written, and
// must not be in the way when its slot moves to another node.
const fenceTTL = time.Millisecond

// fence is the key that is written behind a command, in the same slot: what comes
// before it in the replication stream is where the fence is. Redis 7.2 and later
// count only from a connection's own writes, and that a script found nothing to
// do, or a record was read, says nothing about whether somebody else's write was
// replicated.
func fence(prefix, key string) string {
	if _, tag, ok := strings.Cut(key, "{"); ok {
		if tag, _, ok := strings.Cut(tag, "}"); ok && tag != "" {
			return prefix + "w:{" + tag + "}"
		}
	}
	return prefix + "w:{" + key + "}"
}

// waitHook sends the fence and WAIT behind each command of a fenced context, in
// one round trip, by the same connection: to ask another one would be to ask the
// next master about what the last one had promised.
type waitHook struct {
	client *redis.Client // a server, or one node of a cluster
	wait   Wait
}

// waiting lets the client wait.
func waiting(c redis.UniversalClient, w Wait) {
	if w == (Wait{}) {
		return
	}
	switch c := c.(type) {
	case *redis.Client:
		c.AddHook(waitHook{c, w})
	case *redis.ClusterClient: // it finds the node, and follows it when the slot moves
		c.OnNewNode(func(node *redis.Client) { node.AddHook(waitHook{node, w}) })
	}
}

// ours marks what the hook itself sends.
type ours struct{ redis.Cmder }

func (waitHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h waitHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		prefix, ok := ctx.Value(fenceKey{}).(string)
		key := keyOf(cmd)
		if !ok || key == "" { // one without key is about the connection
			return next(ctx, cmd)
		}
		pipe := h.client.Pipeline()
		_ = pipe.Process(ctx, cmd)
		behind := h.behind(ctx, prefix, key)
		for _, c := range behind.commands() {
			_ = pipe.Process(ctx, c)
		}
		_, _ = pipe.Exec(ctx) // the errors are in the commands
		if err := behind.check(cmd); err != nil {
			cmd.SetErr(err)
		}
		return cmd.Err()
	}
}

func (h waitHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		prefix, ok := ctx.Value(fenceKey{}).(string)
		if !ok || len(cmds) == 0 {
			return next(ctx, cmds)
		}
		for _, cmd := range cmds {
			if _, ok := cmd.(ours); ok { // it is complete already
				return next(ctx, cmds)
			}
		}
		key, asking := firstKey(cmds)
		if key == "" {
			return next(ctx, cmds)
		}
		behind := h.behind(ctx, prefix, key)
		if asking {
			behind.asking = redis.NewCmd(ctx, "asking")
		}
		err := next(ctx, append(cmds[:len(cmds):len(cmds)], behind.commands()...))
		if failed := behind.check(cmds...); failed != nil {
			for _, cmd := range cmds {
				if answered(cmd) {
					cmd.SetErr(failed)
				}
			}
			return failed
		}
		return err
	}
}

// firstKey returns the first key of the commands, and whether it is asked for at a
// node to which its slot moves: each command must say so, the fence as well.
func firstKey(cmds []redis.Cmder) (key string, asking bool) {
	for _, cmd := range cmds {
		if cmd.Name() == "asking" {
			asking = true
			continue
		}
		return keyOf(cmd), asking
	}
	return "", false
}

// behind is what is sent behind a command.
type behind struct {
	asking *redis.Cmd // or nil
	fence  *redis.StatusCmd
	wait   *redis.IntCmd
	want   int64
}

func (h waitHook) behind(ctx context.Context, prefix, key string) behind {
	return behind{
		fence: redis.NewStatusCmd(ctx, "set", fence(prefix, key), "", "px", fenceTTL.Milliseconds()),
		wait:  redis.NewIntCmd(ctx, "wait", h.wait.Replicas, h.wait.Timeout.Milliseconds()),
		want:  int64(h.wait.Replicas),
	}
}

func (b behind) commands() []redis.Cmder {
	if b.asking != nil {
		return []redis.Cmder{ours{b.asking}, ours{b.fence}, ours{b.wait}}
	}
	return []redis.Cmder{ours{b.fence}, ours{b.wait}}
}

// answered reports whether the command has a reply that is an answer.
func answered(cmd redis.Cmder) bool {
	err := cmd.Err()
	return err == nil || errors.Is(err, redis.Nil)
}

// check returns what keeps the commands' replies from being answers. What is
// wrong with a command itself is in that already, and says more.
func (b behind) check(cmds ...redis.Cmder) error {
	if !slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Name() != "asking" && answered(cmd) }) {
		return nil
	}
	has, err := b.wait.Result()
	if fenced := isOK(b.fence.Result()); fenced != nil {
		// While a slot moves away its fence is elsewhere, and what was asked for is here.
		// The client must not follow: it would do the same again where it finds nothing.
		if slices.ContainsFunc(redirects, func(r string) bool { return redis.HasErrorPrefix(fenced, r) }) {
			return notReplicated{0, b.want}
		}
		return fenced
	}
	switch {
	case err != nil:
		return err
	case has < b.want:
		return notReplicated{has, b.want}
	}
	return nil
}

// keyOf returns the first key of a command of this package, "" if it has none.
func keyOf(cmd redis.Cmder) string {
	args, at := cmd.Args(), 1
	switch cmd.Name() {
	case "eval", "evalsha":
		at = 3
	case "hello", "auth", "select", "client", "ping", "role", "info", "command", "cluster", "asking", "readonly", "script", "wait", "multi", "exec":
		return ""
	case "xgroup":
		at = 2
	}
	if len(args) <= at {
		return ""
	}
	key, _ := args[at].(string)
	return key
}
