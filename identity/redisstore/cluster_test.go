//go:build unix

package redisstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

const (
	clusterNodes = 3
	slots        = 16384
)

// startCluster starts a cluster of three masters and returns their addresses.
func startCluster(t testing.TB) []string {
	t.Helper()
	var addrs []string
	for n := range clusterNodes {
		r := identitytest.StartRedis(t, "--cluster-enabled", "yes", "--cluster-config-file", fmt.Sprintf("nodes-%d.conf", n))
		addrs = append(addrs, r.Addr())
	}
	nodes := make([]*redis.Client, clusterNodes)
	for n, addr := range addrs {
		nodes[n] = redis.NewClient(&redis.Options{Addr: addr})
		t.Cleanup(func() { _ = nodes[n].Close() })
		first, last := n*slots/clusterNodes, (n+1)*slots/clusterNodes-1
		if err := nodes[n].ClusterAddSlotsRange(t.Context(), first, last).Err(); err != nil {
			t.Fatal(err)
		}
		host, port, _ := strings.Cut(addr, ":")
		if err := nodes[0].ClusterMeet(t.Context(), host, port).Err(); err != nil && n > 0 {
			t.Fatal(err)
		}
	}
	for _, node := range nodes {
		for !clusterComplete(t, node) {
			time.Sleep(20 * time.Millisecond) // until they have heard of each other
		}
	}
	return addrs
}

// clusterComplete reports whether the node knows who has which slot.
func clusterComplete(t testing.TB, node *redis.Client) bool {
	t.Helper()
	info, err := node.ClusterInfo(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_slots_ok:%d", slots)) &&
		strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", clusterNodes))
}
