package redisstore

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// commandsSent are the commands that the package sends, and those that its scripts
// call: the name, then arguments as far as Redis must see which are keys, which are
// written as KEY, SESSION and CHANNEL.
var commandsSent = []string{
	"get KEY", "set KEY v", "setnx KEY v", "del KEY", "getdel KEY", "exists KEY", "incrby KEY 1", "persist KEY", "pexpire KEY 1", "expire KEY 1",
	"pttl KEY", "hget KEY f", "hmget KEY f", "hgetall KEY", "hexists KEY f", "hkeys KEY", "hvals KEY", "hlen KEY", "hset KEY f v", "hsetnx KEY f v", "hincrby KEY f 1", "hdel KEY f",
	"sadd KEY m", "srem KEY m", "smembers KEY", "xack KEY g 1-0", "xadd KEY * f v", "xautoclaim KEY g c 0 0", "xclaim KEY g c 0 1-0", "xdel KEY 1-0",
	"xgroup CREATE KEY g 0 MKSTREAM", "xgroup DELCONSUMER KEY g c", "xgroup DESTROY KEY g", "xinfo GROUPS KEY", "xinfo CONSUMERS KEY g",
	"xlen KEY", "xpending KEY g", "xrange KEY - +", "xreadgroup GROUP g c STREAMS KEY >", "xtrim KEY MAXLEN 1", "eval s 1 KEY", "evalsha s 1 KEY",
	"get SESSION", "set SESSION v", "del SESSION", "publish CHANNEL m", "subscribe CHANNEL", "scan 0", "wait 0 1", "time", "role",
}

// examinePermissions asks whether the user may send each command, or tries
// harmless ones where that cannot be asked.
func (s *Store) examinePermissions(ctx context.Context, c *redis.Client) (Finding, error) {
	user, err := c.Do(ctx, "acl", "whoami").Text()
	if err != nil && !refused(err) {
		return Finding{}, err
	}
	var denied []string
	for _, command := range commandsSent {
		if user == "" {
			break
		}
		args := []any{"acl", "dryrun", user}
		for _, arg := range strings.Fields(command) {
			switch arg {
			case "KEY":
				arg = s.keys.prefix + "doctor"
			case "SESSION":
				arg = s.keys.session("doctor")
			case "CHANNEL":
				arg = s.keys.channel()
			}
			args = append(args, arg)
		}
		reply, err := c.Do(ctx, args...).Text()
		switch {
		case refused(err):
			user = "" // it cannot be asked
		case err != nil:
			return Finding{}, err
		case reply != "OK":
			denied = append(denied, args[3].(string))
		}
	}
	if user == "" {
		return s.tryPermissions(ctx, c)
	}
	return permissions(slices.Compact(denied), "every command is permitted", s.keys.prefix), nil
}

// tryPermissions sends commands that change nothing but a key of their own.
func (s *Store) tryPermissions(ctx context.Context, c *redis.Client) (Finding, error) {
	key := s.keys.prefix + "doctor"
	var denied []string
	for _, args := range [][]any{
		{"set", key, "v", "px", fenceTTL.Milliseconds()}, {"get", key}, {"eval", "return redis.call('GET', KEYS[1])", 1, key}, {"getdel", key},
		{"hgetall", key}, {"hsetnx", key, "f", "v"}, {"del", key}, {"sadd", key, "m"}, {"smembers", key}, {"srem", key, "m"},
		{"publish", s.keys.channel(), ""},
	} {
		if node := c.Do(ctx, args...).Err(); redis.HasErrorPrefix(node, "NOPERM") || redis.HasErrorPrefix(node, "ERR The user") {
			denied = append(denied, args[0].(string))
		} else if _, answered := errors.AsType[redis.Error](node); node != nil && !answered {
			return Finding{}, node
		}
	}
	return permissions(denied, "the commands that were tried are permitted", s.keys.prefix), nil
}

func permissions(denied []string, ok, prefix string) Finding {
	if len(denied) > 0 {
		return wrong("permissions", "the user may not send "+strings.Join(denied, ", "), "ACL SETUSER <user> "+UserRules(prefix))
	}
	return fine("permissions", ok)
}
