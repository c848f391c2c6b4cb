package redisstore

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// forgetTimeout bounds a look at all keys of all servers; each command of it may
	// take as long as any.
	forgetTimeout = time.Minute
	// scanned is how many keys a server looks at before it does something else.
	scanned = 1000
)

// ForgetBeginning implements limit.Counter: it looks at every key of every server,
// a thousand at a time, since nothing that is written at each guess says which
// buckets an account has.
func (s *Store) ForgetBeginning(ctx context.Context, names []string, beginning string) (int, error) {
	if !validID(beginning) {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, forgetTimeout)
	defer cancel()
	keys, err := s.scan(ctx, s.keys.buckets("*")+beginning+"*")
	keys = slices.DeleteFunc(keys, func(key string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(key, s.keys.buckets(name)+beginning) })
	})
	if err != nil || len(keys) == 0 {
		return 0, classify("looking for buckets", err)
	}
	removed := make([]*redis.IntCmd, len(keys))
	delCtx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	_, err = s.client.Pipelined(delCtx, func(p redis.Pipeliner) error {
		for n, key := range keys {
			removed[n] = p.Del(delCtx, key)
		}
		return nil
	})
	if err != nil {
		return 0, classify("emptying buckets", err)
	}
	there := 0
	for _, cmd := range removed {
		there += int(cmd.Val())
	}
	return there, nil
}

// scan returns the keys that begin and end so, of all servers. A `*` stands for
// anything, in a prefix as well: whoever asks looks at what comes back.
func (s *Store) scan(ctx context.Context, pattern string) ([]string, error) {
	var (
		mu   sync.Mutex
		keys = make(map[string]bool) // a server may name one twice
	)
	err := s.eachMaster(ctx, func(ctx context.Context, server *redis.Client) error {
		for cursor, first := uint64(0), true; first || cursor != 0; first = false {
			found, next, err := s.scanOnce(ctx, server, cursor, pattern)
			if err != nil {
				return err
			}
			mu.Lock()
			for _, key := range found {
				keys[key] = true
			}
			mu.Unlock()
			cursor = next
		}
		return nil
	})
	all := make([]string, 0, len(keys))
	for key := range keys {
		all = append(all, key)
	}
	return all, err
}

func (s *Store) scanOnce(ctx context.Context, server *redis.Client, cursor uint64, pattern string) (keys []string, next uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return server.Scan(ctx, cursor, escaped(pattern), scanned).Result()
}

// escaped takes what else than `*` means something in a pattern literally. A
// prefix may hold any of it.
func escaped(pattern string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "?", `\?`).Replace(pattern)
}

// eachMaster calls f for the server, or for each master of a cluster at once.
func (s *Store) eachMaster(ctx context.Context, f func(ctx context.Context, server *redis.Client) error) error {
	switch c := s.client.(type) {
	case *redis.Client:
		return f(ctx, c)
	case *redis.ClusterClient:
		return c.ForEachMaster(ctx, f)
	}
	return nil
}
