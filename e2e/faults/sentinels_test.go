//go:build unix

package faults

import (
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// The matrix of servers behind sentinels, of the master, of its replica and of the
// sentinels themselves (attacks K1, K2).
func TestMatrixBehindSentinels(t *testing.T) {
	t.Parallel()
	servers := identitytest.StartSentinels(t, 1)
	servers.Patience(forever)
	s := around(t)
	s.topology = topology{sentinel, 1}
	s.asksBy(t, redis.NewFailoverClient(&redis.FailoverOptions{MasterName: identitytest.SentinelMaster, SentinelAddrs: servers.Addrs()}))
	s.inhabit(t, servers.URL())
	all := ofSentinels(servers)
	for name, f := range all {
		begin, end := f.begin, f.end
		f.begin = func(t testing.TB, s *stand) {
			servers.AwaitReplicated() // also what is not waited for
			begin(t, s)
		}
		f.end = func(t testing.TB, s *stand) {
			end(t, s)
			servers.AwaitWatched()
			servers.Patience(forever)
			s.heals(t)
		}
		all[name] = f
	}
	s.matrix(t, all, s.sampled)
}

// ofSentinels are the faults of servers behind sentinels, of which the master has
// one replica.
func ofSentinels(servers *identitytest.Sentinels) map[string]fault {
	var master, replica *identitytest.Redis // before the fault
	looks := func(t testing.TB) {
		identitytest.Await(t, "there is a master", func() bool { master = servers.Master(); return master != nil })
		replica = servers.Nodes[1-slices.Index(servers.Nodes, master)]
	}
	noticed := func(t testing.TB) { looks(t); servers.Patience(impatient) }
	killed := func(t testing.TB, _ *stand) { noticed(t); master.Kill() }
	another := func() { _, _ = servers.Sentinels[0].Ask("SENTINEL", "FAILOVER", identitytest.SentinelMaster) }
	replaced := func(testing.TB, *stand) {
		servers.AwaitFailover(master)
		master.Restart() // with nothing, and is told that it is a replica now
	}
	sentinelsKilled := func() {
		for _, sentinel := range servers.Sentinels {
			sentinel.Kill()
		}
	}
	sentinelsBack := func() {
		for _, sentinel := range servers.Sentinels {
			servers.RestartSentinel(sentinel)
		}
	}
	return map[string]fault{
		"master killed": {quick: true, begin: killed, end: replaced},
		"master paused": {
			begin: func(t testing.TB, _ *stand) { noticed(t); master.Pause() },
			end: func(testing.TB, *stand) {
				servers.AwaitFailover(master)
				master.Resume() // and takes itself for the master still
			},
		},
		"master demoted": {
			begin: func(t testing.TB, _ *stand) { looks(t); another() },
			end: func(t testing.TB, _ *stand) {
				insist(t, "another server is master", another, func() bool { now := servers.Master(); return now != nil && now != master })
			},
		},
		"master demoted by hand": { // the sentinels tell nobody, and who is connected stays so: READONLY
			begin: func(t testing.TB, _ *stand) {
				looks(t)
				for _, sentinel := range servers.Sentinels {
					sentinel.Pause()
				}
				servers.Promote(replica)
			},
			end: func(testing.TB, *stand) {
				servers.Promote(master)
				for _, sentinel := range servers.Sentinels {
					sentinel.Resume()
				}
			},
		},
		"sentinels killed": {
			begin: func(testing.TB, *stand) { sentinelsKilled() },
			end:   func(testing.TB, *stand) { sentinelsBack() },
		},
		"sentinels and master killed": {
			dead:  true,
			begin: func(t testing.TB, _ *stand) { noticed(t); sentinelsKilled(); master.Kill() },
			end:   func(t testing.TB, s *stand) { sentinelsBack(); replaced(t, s) },
		},
		"replica killed": {
			begin: func(t testing.TB, _ *stand) { looks(t); replica.Kill() },
			end:   func(testing.TB, *stand) { replica.Restart() },
		},
	}
}
