//go:build unix

package faults

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// fault is one way in which the store fails.
type fault struct {
	begin, end func(t testing.TB, s *stand)
	// dead: nothing can be asked of the store while it lasts.
	dead bool
	// forgets: though dead, the node may be connected anew for revocations, and so
	// asks again about those whom it knew.
	forgets bool
	// harmless: nobody notices.
	harmless bool
	// quick: it is part of what runs without the build tag.
	quick bool
}

func lifts(_ testing.TB, s *stand) { s.meets(nil) }

// fates is a fault by which the relay decides about every command.
func fates(fate func(command []string) identitytest.Fate) fault {
	return fault{begin: func(_ testing.TB, s *stand) { s.meets(fate) }, end: lifts}
}

func everything(fate identitytest.Fate) fault {
	f := fates(func([]string) identitytest.Fate { return fate })
	f.dead = true
	return f
}

// reads are the commands that a server which takes no writes answers. Scripts of
// ours write.
var reads = []string{
	"HELLO", "CLIENT", "AUTH", "SELECT", "PING", "ROLE", "INFO", "WAIT", "GET", "MGET", "HGET", "HMGET", "HGETALL", "EXISTS", "TTL", "PTTL", "SMEMBERS", "ZRANGE", "XRANGE", "XPENDING", "XINFO", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "CLUSTER", "COMMAND", "TIME",
}

// writes is a fault by which the server takes no writes.
func writes(reply string) fault {
	return fates(func(command []string) identitytest.Fate {
		if slices.Contains(reads, command[0]) {
			return identitytest.Fate{}
		}
		return identitytest.Fate{Reply: reply}
	})
}

// sometimes is a fault that one command in three meets, by a seed.
func sometimes(seed uint64, fate identitytest.Fate) fault {
	random := rand.New(rand.NewPCG(seed, 0))
	return fates(func([]string) identitytest.Fate {
		if random.IntN(3) == 0 { // one command is decided about at a time
			return fate
		}
		return identitytest.Fate{}
	})
}

func quick(f fault) fault {
	f.quick = true
	return f
}

func harmless(f fault) fault {
	f.harmless, f.dead = true, false
	return f
}

// injected are the faults of the network, and of a server that answers errors.
func injected(seed uint64) map[string]fault {
	all := map[string]fault{
		"nothing": quick(harmless(fates(nil))),
		"refused": {
			dead:  true,
			begin: func(_ testing.TB, s *stand) { s.relay.Refuse() },
			end:   func(t testing.TB, s *stand) { s.relay.Accept(t) },
		},
		"black hole":         quick(everything(identitytest.Fate{Vanish: true})),
		"slow, 1 s":          everything(identitytest.Fate{Delay: time.Second}),
		"slow, 10 s":         everything(identitytest.Fate{Delay: 10 * time.Second}),
		"slow, in time":      harmless(everything(identitytest.Fate{Delay: 5 * time.Millisecond})),
		"reset":              everything(identitytest.Fate{Reset: identitytest.BeforeCommand}),
		"reset before reply": everything(identitytest.Fate{Reset: identitytest.BeforeReply}),
		"reset in reply":     quick(everything(identitytest.Fate{Reset: identitytest.InReply})),
		"no reply at all":    everything(identitytest.Fate{Reply: "HTTP/1.1 400 Bad Request"}),
		"idle connections closed": {
			begin: func(_ testing.TB, s *stand) { s.relay.Cut() },
			end:   func(testing.TB, *stand) {},
		},
		"some commands reset": sometimes(seed, identitytest.Fate{Reset: identitytest.BeforeCommand}),
		"some replies lost":   sometimes(seed+1, identitytest.Fate{Reset: identitytest.BeforeReply}),
		"some replies cut":    sometimes(seed+2, identitytest.Fate{Reset: identitytest.InReply}),
		"some black holes":    sometimes(seed+3, identitytest.Fate{Vanish: true}),
		"some LOADING":        sometimes(seed+4, identitytest.Fate{Reply: "-LOADING Redis is loading the dataset in memory"}),
		"NOSCRIPT": harmless(fates(func(command []string) identitytest.Fate {
			if command[0] == "EVALSHA" {
				return identitytest.Fate{Reply: "-NOSCRIPT No matching script. Please use EVAL."}
			}
			return identitytest.Fate{}
		})),
		"WRONGPASS at the door": {
			dead: true,
			begin: func(_ testing.TB, s *stand) {
				s.meets(func(command []string) identitytest.Fate {
					if command[0] == "HELLO" || command[0] == "AUTH" {
						return identitytest.Fate{Reply: "-WRONGPASS invalid username-password pair or user is disabled."}
					}
					return identitytest.Fate{Reply: "-NOAUTH Authentication required."}
				})
				s.relay.Cut()
			},
			end: lifts,
		},
	}
	for name, reply := range map[string]string{
		"LOADING":     "-LOADING Redis is loading the dataset in memory",
		"NOAUTH":      "-NOAUTH Authentication required.",
		"WRONGPASS":   "-WRONGPASS invalid username-password pair or user is disabled.",
		"BUSY":        "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
		"CLUSTERDOWN": "-CLUSTERDOWN The cluster is down",
		"MASTERDOWN":  "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
		"MOVED":       "-MOVED 3999 127.0.0.1:1",
		"ASK":         "-ASK 3999 127.0.0.1:1",
		"TRYAGAIN":    "-TRYAGAIN Multiple keys request during rehashing of slot",
		"maxclients":  "-ERR max number of clients reached",
	} {
		all[name] = everything(identitytest.Fate{Reply: reply})
	}
	for name, reply := range map[string]string{
		"READONLY":   "-READONLY You can't write against a read only replica.",
		"OOM":        "-OOM command not allowed when used memory > 'maxmemory'.",
		"MISCONF":    "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
		"NOREPLICAS": "-NOREPLICAS Not enough good replicas to write.",
	} {
		all[name] = writes(reply)
	}
	return all
}
