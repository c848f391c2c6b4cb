//go:build unix

package identitytest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	clusterMasters = 3
	clusterSlots   = 16384
	// busOffset is where Redis puts the bus of a cluster, above the port.
	busOffset = 10000
)

// Cluster is a Redis Cluster of three masters, each with the same number of
// replicas, for one test.
type Cluster struct {
	// Nodes are all servers; the first three were started as masters.
	Nodes []*Redis

	t testing.TB
}

// StartCluster starts a cluster of three masters with that many replicas each,
// and returns when every slot is served and every replica in step. A master
// that does not answer for a second is replaced by a replica, if it has one.
// args are options of all, as with StartRedis.
func StartCluster(t testing.TB, replicas int, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	ports := make([]int, clusterMasters*(1+replicas))
	for n := range ports {
		ports[n] = FreePort(t)
	}
	args = slices.Concat([]string{
		"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1000",
		// A replica decides by itself whether it is too far behind; here, never.
		"--cluster-replica-validity-factor", "0",
		"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1",
	}, args)
	for n := range ports {
		// They begin as if they had met before, which saves the seconds that this takes.
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "nodes.conf"), []byte(clusterConfig(ports, n)), 0o600); err != nil {
			t.Fatal(err)
		}
		c.Nodes = append(c.Nodes, startRedis(t, ports[n], access{}, slices.Concat([]string{"--dir", folder}, args)...))
	}
	c.AwaitWhole()
	return c
}

// clusterConfig is what the nth node knows of the cluster: the masters first,
// then the replicas, of which each master has one, and another.
func clusterConfig(ports []int, self int) string {
	var text strings.Builder
	id := func(n int) string { return fmt.Sprintf("%040x", ports[n]) }
	for n, port := range ports {
		flags := ""
		if n == self {
			flags = "myself,"
		}
		fmt.Fprintf(&text, "%s 127.0.0.1:%d@%d ", id(n), port, port+busOffset)
		if n < clusterMasters {
			first, last := n*clusterSlots/clusterMasters, (n+1)*clusterSlots/clusterMasters-1
			fmt.Fprintf(&text, "%smaster - 0 0 %d connected %d-%d\n", flags, n+1, first, last)
		} else {
			fmt.Fprintf(&text, "%sslave %s 0 0 %d connected\n", flags, id(n%clusterMasters), n%clusterMasters+1)
		}
	}
	fmt.Fprintf(&text, "vars currentEpoch %d lastVoteEpoch 0\n", clusterMasters)
	return text.String()
}

// Addrs returns host and port of every node.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, node := range c.Nodes {
		addrs = append(addrs, node.Addr())
	}
	return addrs
}

// URL returns a redis:// URL that lists the nodes.
func (c *Cluster) URL() string { return "redis://" + strings.Join(c.Addrs(), ",") }

// Patience is how long a node does not answer until the others, all of which must
// run, take it for dead. At first, and for one that was started again, it is a second.
func (c *Cluster) Patience(d time.Duration) {
	c.t.Helper()
	for _, node := range c.Nodes {
		node.MustAsk("CONFIG", "SET", "cluster-node-timeout", d.Milliseconds())
	}
}

// AwaitReplicated waits until every replica that runs has what its master had
// written when this was called, or later.
func (c *Cluster) AwaitReplicated() {
	c.t.Helper()
	Await(c.t, "the replicas have everything", func() bool { return replicated(c.Nodes) })
}

// ReplicasOf returns the nodes that run and call themselves replicas of the master.
func (c *Cluster) ReplicasOf(master *Redis) []*Redis {
	var replicas []*Redis
	for _, node := range c.Nodes {
		if info := node.Info("replication"); info["role"] == "slave" && info["master_port"] == strconv.Itoa(master.port) {
			replicas = append(replicas, node)
		}
	}
	return replicas
}

// Masters returns the nodes that run, call themselves masters and serve slots.
func (c *Cluster) Masters() []*Redis {
	var masters []*Redis
	for _, node := range c.Nodes {
		if line := node.self(); strings.Contains(line, "master") && len(strings.Fields(line)) > 8 {
			masters = append(masters, node)
		}
	}
	return masters
}

// self is what a node says of itself, empty when it does not answer.
func (r *Redis) self() string {
	reply, err := r.ask(probeTimeout, "CLUSTER", "NODES")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(fmt.Sprint(reply)) {
		if strings.Contains(line, "myself") {
			return line
		}
	}
	return ""
}

// MasterOf returns the node that runs and serves the key as master.
func (c *Cluster) MasterOf(key string) *Redis {
	c.t.Helper()
	var found *Redis
	Await(c.t, "a master serves "+key, func() bool {
		for _, node := range c.Masters() {
			if _, err := node.ask(probeTimeout, "EXISTS", key); err == nil {
				found = node
				return true
			}
		}
		return false
	})
	return found
}

// AwaitFailover waits until a replica has taken the place of a master that does
// not run any more, and the cluster serves every slot.
func (c *Cluster) AwaitFailover(old *Redis) {
	c.t.Helper()
	Await(c.t, "a replica has replaced its master", func() bool {
		masters := c.Masters()
		return len(masters) == clusterMasters && !slices.Contains(masters, old) && c.serves()
	})
}

// AwaitWhole waits until the cluster serves every slot, and every node that runs
// agrees and is in step.
func (c *Cluster) AwaitWhole() {
	c.t.Helper()
	Await(c.t, "the cluster is whole", func() bool {
		if len(c.Masters()) != clusterMasters || !c.serves() {
			return false
		}
		replicas, online := 0, 0
		for _, node := range c.Nodes {
			switch info := node.Info("replication"); info["role"] {
			case "slave":
				replicas++
			case "master":
				n, _ := strconv.Atoi(info["connected_slaves"])
				online += n
			}
		}
		return replicas == online
	})
}

// serves reports whether every node that runs sees every slot served.
func (c *Cluster) serves() bool {
	for _, node := range c.Nodes {
		if node.ended() {
			continue
		}
		reply, err := node.ask(probeTimeout, "CLUSTER", "INFO")
		if text := fmt.Sprint(reply); err != nil || !strings.Contains(text, "cluster_state:ok") ||
			!strings.Contains(text, fmt.Sprintf("cluster_slots_ok:%d", clusterSlots)) {
			return false
		}
	}
	return true
}
