//go:build unix && faults

package faults

import (
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// The matrix of a cluster of three masters with a replica each (attacks K1, K2).
func TestMatrixInACluster(t *testing.T) {
	t.Parallel()
	servers := identitytest.StartCluster(t, 1)
	servers.Patience(forever)
	s := around(t)
	s.topology = topology{"cluster", 1}
	s.asksBy(t, redis.NewClusterClient(&redis.ClusterOptions{Addrs: servers.Addrs()}))
	s.inhabit(t, servers.URL())
	all := ofClusters(servers)
	for name, f := range all {
		begin, end := f.begin, f.end
		f.begin = func(t testing.TB, s *stand) {
			servers.AwaitReplicated() // also what is not waited for
			begin(t, s)
		}
		f.end = func(t testing.TB, s *stand) {
			end(t, s)
			servers.AwaitWhole()
			servers.Patience(forever)
			s.heals(t)
		}
		all[name] = f
	}
	s.matrix(t, all, s.sampled)
}

// ofClusters are the faults of a cluster. The master is always one that has an
// identity of the attempts.
func ofClusters(servers *identitytest.Cluster) map[string]fault {
	var master, replica *identitytest.Redis // before the fault
	chosen := func(s *stand) *identitytest.Redis {
		master = servers.MasterOf("auth:id:{" + s.cold.identity + "}")
		return master
	}
	mayFailOver := func(t testing.TB, answer string) {
		for _, replica := range servers.ReplicasOf(master) {
			replica.MustAsk("CONFIG", "SET", "cluster-replica-no-failover", answer)
		}
	}
	takesOver := func() {
		for _, replica := range servers.ReplicasOf(master) {
			_, _ = replica.Ask("CLUSTER", "FAILOVER")
		}
	}
	replaced := func() { servers.AwaitFailover(master); master.Restart() }
	var moving *storm
	return map[string]fault{
		"master killed": {
			begin: func(_ testing.TB, s *stand) { servers.Patience(impatient); chosen(s).Kill() },
			end:   func(testing.TB, *stand) { replaced() },
		},
		"master killed for good": { // nobody may take its place
			dead: true, forgets: true,
			begin: func(t testing.TB, s *stand) {
				servers.Patience(impatient)
				chosen(s)
				mayFailOver(t, "yes")
				master.Kill()
				identitytest.Await(t, "the cluster is down", func() bool {
					return !slices.ContainsFunc(servers.Masters(), func(node *identitytest.Redis) bool {
						info, _ := node.MustAsk("CLUSTER", "INFO").(string)
						return !strings.Contains(info, "cluster_state:fail")
					})
				})
			},
			end: func(t testing.TB, _ *stand) { mayFailOver(t, "no"); replaced() },
		},
		"master paused": {
			begin: func(_ testing.TB, s *stand) { servers.Patience(impatient); chosen(s).Pause() },
			end: func(t testing.TB, _ *stand) {
				identitytest.Await(t, "a replica has replaced its master", func() bool { return len(servers.Masters()) == 3 })
				master.Resume() // and takes itself for a master still
			},
		},
		"master demoted": {
			begin: func(_ testing.TB, s *stand) { chosen(s); takesOver() },
			end: func(t testing.TB, _ *stand) {
				insist(t, "the master is a replica", takesOver, func() bool { return !slices.Contains(servers.Masters(), master) })
			},
		},
		"replica killed": {
			begin: func(_ testing.TB, s *stand) { replica = servers.ReplicasOf(chosen(s))[0]; replica.Kill() },
			end:   func(testing.TB, *stand) { replica.Restart() },
		},
		"slots move": {
			begin: func(t testing.TB, _ *stand) { moving = newStorm(t, servers) },
			end:   func(t testing.TB, _ *stand) { moving.end(t) },
		},
	}
}
