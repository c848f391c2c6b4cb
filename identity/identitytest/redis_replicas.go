//go:build unix

package identitytest

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Replicated is a master with replicas, for one test. Who is master can change:
// by Promote, or by sentinels.
type Replicated struct {
	// Nodes are all servers; the first was started as master.
	Nodes []*Redis

	t testing.TB
}

// StartReplicas starts a master with that many replicas and returns when all of
// them are in step. args are options of all, as with StartRedis.
func StartReplicas(t testing.TB, replicas int, args ...string) *Replicated {
	t.Helper()
	// A replica would wait five seconds for others that want the same copy.
	args = slices.Concat([]string{"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"}, args)
	r := &Replicated{t: t, Nodes: []*Redis{StartRedis(t, args...)}}
	of := []string{"--replicaof", "127.0.0.1", strconv.Itoa(r.Nodes[0].port)}
	for range replicas {
		r.Nodes = append(r.Nodes, StartRedis(t, slices.Concat(of, args)...))
	}
	r.AwaitInStep()
	return r
}

// Master returns the one server that runs and calls itself master, or nil if
// there is none or more than one.
func (r *Replicated) Master() *Redis {
	var master *Redis
	for _, node := range r.Nodes {
		if node.Info("replication")["role"] != "master" {
			continue
		}
		if master != nil {
			return nil
		}
		master = node
	}
	return master
}

// Replicas returns the servers that run and call themselves replicas.
func (r *Replicated) Replicas() []*Redis {
	var replicas []*Redis
	for _, node := range r.Nodes {
		if node.Info("replication")["role"] == "slave" {
			replicas = append(replicas, node)
		}
	}
	return replicas
}

// AwaitInStep waits until there is one master, and every other server that runs
// is its replica and gets what is written.
func (r *Replicated) AwaitInStep() {
	r.t.Helper()
	Await(r.t, "the replicas are in step", func() bool {
		master := r.Master()
		if master == nil {
			return false
		}
		online := 0
		for name, value := range master.Info("replication") {
			if strings.HasPrefix(name, "slave") && strings.Contains(value, "state=online") {
				online++
			}
		}
		return online == r.running()-1
	})
}

func (r *Replicated) running() int {
	n := 0
	for _, node := range r.Nodes {
		if !node.ended() {
			n++
		}
	}
	return n
}

// Promote makes the server master and the others that run its replicas, as a
// person does without sentinels. The one that is master now should be dead.
func (r *Replicated) Promote(node *Redis) {
	r.t.Helper()
	node.MustAsk("REPLICAOF", "NO", "ONE")
	for _, other := range r.Nodes {
		if other != node && !other.ended() {
			other.MustAsk("REPLICAOF", "127.0.0.1", strconv.Itoa(node.port))
		}
	}
}

// Rejoin starts a server that was killed again, as a replica of the master, and
// returns when it is in step. There must be no sentinels, which do it themselves.
func (r *Replicated) Rejoin(node, master *Redis) {
	r.t.Helper()
	node.Restart()
	node.MustAsk("REPLICAOF", "127.0.0.1", strconv.Itoa(master.port))
	r.AwaitInStep()
}

// AwaitReplicated waits until every replica that runs has what its master had
// written when this was called, or later.
func (r *Replicated) AwaitReplicated() {
	r.t.Helper()
	Await(r.t, "the replicas have everything", func() bool { return replicated(r.Nodes) })
}

// replicated reports whether the replicas among the nodes have all of their masters.
func replicated(nodes []*Redis) bool {
	written := make(map[string]int) // by port of the master
	for _, node := range nodes {
		if info := node.Info("replication"); info["role"] == "master" {
			written[strconv.Itoa(node.port)], _ = strconv.Atoi(info["master_repl_offset"])
		}
	}
	for _, node := range nodes {
		info := node.Info("replication")
		if info["role"] != "slave" {
			continue
		}
		want, known := written[info["master_port"]]
		if has, err := strconv.Atoi(info["slave_repl_offset"]); err != nil || !known || has < want {
			return false
		}
	}
	return true
}

// Cut ends the replication until Mend: what is written meanwhile reaches no
// replica. There must be no sentinels, which would mend it by themselves.
func (r *Replicated) Cut() {
	r.t.Helper()
	for _, replica := range r.Replicas() {
		replica.MustAsk("REPLICAOF", "127.0.0.1", "1") // nobody listens there
	}
}

// Mend undoes Cut.
func (r *Replicated) Mend() {
	r.t.Helper()
	master := r.Master()
	for _, replica := range r.Replicas() {
		replica.MustAsk("REPLICAOF", "127.0.0.1", strconv.Itoa(master.port))
	}
	r.AwaitInStep()
}
