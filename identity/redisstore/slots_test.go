//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
)

// recorder is a hook that keeps the commands.
type recorder struct {
	mu       sync.Mutex
	commands [][]any
}

func (r *recorder) add(cmds ...redis.Cmder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, cmd := range cmds {
		r.commands = append(r.commands, cmd.Args())
	}
}

func (r *recorder) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (r *recorder) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		r.add(cmd)
		return next(ctx, cmd)
	}
}

func (r *recorder) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		r.add(cmds...)
		return next(ctx, cmds)
	}
}

// keysOf returns the keys of a command, as a server finds them, and their slots.
func keysOf(t *testing.T, server redis.UniversalClient, command []any) (keys []string, slots map[int64]bool) {
	t.Helper()
	keys, err := server.CommandGetKeys(t.Context(), command...).Result()
	if err != nil && !strings.Contains(err.Error(), "has no key arguments") {
		t.Fatalf("%v: %v", command, err)
	}
	slots = map[int64]bool{}
	for _, key := range keys {
		slot, err := server.ClusterKeySlot(t.Context(), key).Result()
		must(t, err)
		slots[slot] = true
	}
	return keys, slots
}

// TestEveryCommandHasOneSlot runs the whole contract and looks at the keys of
// every command. Pipelines may span slots, the client takes them apart.
func TestEveryCommandHasOneSlot(t *testing.T) {
	t.Parallel()
	client := newClient(t, identitytest.StartRedis(t, "--cluster-enabled", "yes").URL()) // only for its arithmetic
	var (
		all     recorder
		checked = map[string]int{} // by command and script
	)
	t.Run("record", func(t *testing.T) {
		newRecorded := func(t *testing.T, clock *identitytest.Clock, faults *identitytest.Faults) identitytest.Store {
			embedded := newEmbedded(t)
			embedded.AddHook(faults)
			embedded.AddHook(&all)
			s := newStore(t, embedded, clock.Now)
			if _, err := s.State(t.Context(), alice); err != identity.ErrNotFound { // not in the contract
				t.Error(err)
			}
			must(t, s.MarkRecent(t.Context(), "token", clock.Now(), time.Hour)) // nor these
			if _, err := s.Recent(t.Context(), "token"); err != nil {
				t.Error(err)
			}
			return s
		}
		identitytest.RunStore(t, newRecorded)
		identitytest.RunSessionLists(t, newRecorded)
		identitytest.RunSessions(t, func(t *testing.T) identitytest.SessionStore {
			embedded := newEmbedded(t)
			embedded.AddHook(&all)
			return newStore(t, embedded, time.Now)
		})
		identitytest.RunLimits(t, func(t *testing.T) []limit.Counter {
			embedded := newEmbedded(t)
			embedded.AddHook(&all)
			s := newStore(t, embedded, nil)
			return []limit.Counter{s, s}
		})
	})
	names := map[string]int{}
	for _, command := range all.commands {
		kind := fmt.Sprint(command[0])
		if kind == "evalsha" || kind == "eval" {
			kind = fmt.Sprint(command[:2])
		}
		if checked[kind] == 100 || kind == "hello" || kind == "client" || kind == "scan" { // the rest differs in names only, and a scan has none
			continue
		}
		checked[kind]++
		keys, slots := keysOf(t, client, command)
		for _, key := range keys {
			if !strings.HasPrefix(key, "test") {
				t.Errorf("%v has a key without the prefix", command)
			}
		}
		if len(slots) != 1 {
			t.Errorf("%v has %d slots", command, len(slots))
		}
		names[fmt.Sprint(command[0])]++
	}
	t.Logf("checked %v", names)
	for _, name := range []string{"evalsha", "get", "hgetall", "hmget", "sadd", "smembers", "set", "del", "getdel", "exists", "hdel"} {
		if names[name] == 0 {
			t.Errorf("no %s was sent", name)
		}
	}
	if _, slots := keysOf(t, client, []any{"evalsha", "x", 2, "a", "b", "c"}); len(slots) != 2 {
		t.Errorf("two keys have %d slots", len(slots))
	}
}
