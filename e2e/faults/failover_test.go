//go:build unix && faults

package faults

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/e2e"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// failover is what clients are told while masters are killed again and again: dies
// kills one, and returns when another has taken its place and all is well again.
func failover(t *testing.T, url string, by topology, stream redis.UniversalClient, dies func(*rand.Rand)) {
	t.Helper()
	s := around(t)
	s.topology = by
	config := s.config(url, "strict", timeout)
	nodes := []string{e2e.StartCaddy(t, config).URL(), e2e.StartCaddy(t, config).URL()}
	failovers := 0
	l := history(t, uint64(time.Now().UnixNano()), nodes, stream, func(l *ledger, random *rand.Rand) {
		for end := time.Now().Add(lasts()); time.Now().Before(end) || l.least(kinds...) < 3; failovers++ {
			// Clients write meanwhile, at an hour that no run shares with the last.
			time.Sleep(2*time.Second + time.Duration(random.Int64N(int64(time.Second))))
			dies(random)
		}
	})
	t.Logf("%d failovers", failovers)
	l.fails(t)
}

// With `wait` nothing that was acknowledged is lost when the master is killed and
// sentinels make another one (attack K2).
func TestHistoryBehindSentinels(t *testing.T) {
	t.Parallel()
	servers := identitytest.StartSentinels(t, 2)
	stream := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: identitytest.SentinelMaster, SentinelAddrs: servers.Addrs()})
	t.Cleanup(func() { _ = stream.Close() })
	failover(t, servers.URL(), topology{sentinel, 2}, stream, func(*rand.Rand) {
		master := servers.Master()
		master.Kill()
		servers.AwaitFailover(master)
		master.Restart()
		servers.AwaitWatched()
	})
}

// The same in a cluster, whose nodes make another one themselves.
func TestHistoryInACluster(t *testing.T) {
	t.Parallel()
	cluster := identitytest.StartCluster(t, 1)
	stream := redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster.Addrs()})
	t.Cleanup(func() { _ = stream.Close() })
	failover(t, cluster.URL(), topology{"cluster", 1}, stream, func(random *rand.Rand) {
		masters := cluster.Masters()
		master := masters[random.IntN(len(masters))]
		master.Kill()
		cluster.AwaitFailover(master)
		master.Restart()
		cluster.AwaitWhole()
	})
}
