//go:build unix

package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// shortly is a timeout within which a server on this machine answers, and after
// which a test goes on with the next attempt.
const shortly = time.Second

// newStoreBy makes a store on whatever the options lead to.
func newStoreBy(t *testing.T, o redisstore.ClientOptions) *redisstore.Store {
	t.Helper()
	c, err := redisstore.NewClient(o)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	s, err := redisstore.New(c, redisstore.Options{Timeout: o.Timeout})
	must(t, err)
	return s
}

func sentinelOptions(s *identitytest.Sentinels) redisstore.ClientOptions {
	return redisstore.ClientOptions{
		URL: identity.NewSecret(s.URL()), Timeout: shortly, Sentinel: &redisstore.Sentinel{Master: identitytest.SentinelMaster},
	}
}

func clusterOptions(c *identitytest.Cluster) redisstore.ClientOptions {
	return redisstore.ClientOptions{URL: identity.NewSecret(c.URL()), Timeout: shortly, Cluster: true}
}

// stillThere asks until the store can be asked, and fails the test when it says
// anything else on the way than that it is there or not known.
func stillThere(t *testing.T, s *redisstore.Store) {
	t.Helper()
	identitytest.Await(t, "the store answers", func() bool {
		i, err := s.Find(t.Context(), "emailpass", address)
		if err != nil && identity.CodeOf(err) != identity.CodeUnavailable {
			t.Fatalf("asking gave %v", err)
		}
		if err == nil && i.ID != alice {
			t.Fatalf("found %s", i.ID)
		}
		return err == nil
	})
}

// writable asks until the store takes what is written.
func writable(t *testing.T, s *redisstore.Store) {
	t.Helper()
	identitytest.Await(t, "the store can be written to", func() bool {
		err := s.Link(t.Context(), alice, "user", "user_1")
		if err != nil && identity.CodeOf(err) != identity.CodeUnavailable {
			t.Fatalf("linking gave %v", err)
		}
		return err == nil
	})
}

func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	servers := identitytest.StartSentinels(t, 2)
	s := newStoreBy(t, sentinelOptions(servers))
	must(t, s.Create(t.Context(), someone()))
	first := servers.Master()
	first.MustAsk("WAIT", 2, 0)
	first.Kill()
	stillThere(t, s) // as soon as the sentinels have chosen
	writable(t, s)

	second := servers.Master()
	first.Restart()
	servers.AwaitWatched()
	servers.Sentinels[0].MustAsk("SENTINEL", "FAILOVER", identitytest.SentinelMaster) // nobody is dead
	servers.AwaitFailover(second)
	stillThere(t, s)
	writable(t, s)
}

// TestSentinelHangs: the sentinel that the client has asked so far does not
// answer any more, and the others say that there is another master.
func TestSentinelHangs(t *testing.T) {
	t.Parallel()
	servers := identitytest.StartSentinels(t, 1)
	s := newStoreBy(t, sentinelOptions(servers))
	must(t, s.Create(t.Context(), someone()))
	first := servers.Master()
	first.MustAsk("WAIT", 1, 0)
	asked := 0
	for _, sentinel := range servers.Sentinels {
		if strings.Contains(sentinel.MustAsk("CLIENT", "LIST").(string), "name=auth-sidecar") {
			sentinel.Pause()
			asked++
		}
	}
	if asked != 1 {
		t.Fatalf("the client stays with %d sentinels", asked)
	}
	first.Kill()
	stillThere(t, s)
	writable(t, s)
}

// TestSentinelKnowsNoMaster: its answer must not pass for that of a server which
// has no such key.
func TestSentinelKnowsNoMaster(t *testing.T) {
	t.Parallel()
	servers := identitytest.StartSentinels(t, 1)
	o := sentinelOptions(servers)
	o.Sentinel.Master = "another"
	inTime(t, func() { allUnavailable(t, newStoreBy(t, o), false, "store_no_master") })

	for _, sentinel := range servers.Sentinels {
		sentinel.MustAsk("ACL", "SETUSER", "watcher", "on", ">"+password, "allcommands", "allchannels")
	}
	o = sentinelOptions(servers)
	o.Sentinel.Username, o.Sentinel.Password = "watcher", identity.NewSecret("wrong")
	inTime(t, func() { allUnavailable(t, newStoreBy(t, o), false, "store_auth") })
	o.Sentinel.Password = identity.NewSecret(password)
	must(t, newStoreBy(t, o).Create(t.Context(), someone()))
}

// TestReplicaIsNotAsked: it may not know yet what was revoked.
func TestReplicaIsNotAsked(t *testing.T) {
	t.Parallel()
	servers := identitytest.StartReplicas(t, 1)
	allUnavailable(t, newStoreAt(t, servers.Nodes[1].URL(), patient), false, "store_replica")
}

func TestClusterFailover(t *testing.T) {
	t.Parallel()
	cluster := identitytest.StartCluster(t, 1)
	s := newStoreBy(t, clusterOptions(cluster))
	must(t, s.Create(t.Context(), someone()))
	for _, key := range []string{aliceKey, addressKey} {
		master := cluster.MasterOf(key)
		master.MustAsk("WAIT", 1, 0)
		master.Kill()
		stillThere(t, s)
		writable(t, s)
		master.Restart()
		cluster.AwaitWhole()
	}
}

// TestClusterMovesSlots: while an identity is being moved to another node, and
// after it was.
func TestClusterMovesSlots(t *testing.T) {
	t.Parallel()
	cluster := identitytest.StartCluster(t, 0)
	s := newStoreBy(t, clusterOptions(cluster))
	must(t, s.Create(t.Context(), someone()))
	from := cluster.MasterOf(aliceKey)
	to := cluster.Nodes[0]
	if to == from {
		to = cluster.Nodes[1]
	}
	slot := from.MustAsk("CLUSTER", "KEYSLOT", aliceKey)
	host, port, _ := strings.Cut(to.Addr(), ":")
	to.MustAsk("CLUSTER", "SETSLOT", slot, "IMPORTING", from.MustAsk("CLUSTER", "MYID"))
	from.MustAsk("CLUSTER", "SETSLOT", slot, "MIGRATING", to.MustAsk("CLUSTER", "MYID"))
	stillThere(t, s)
	from.MustAsk("MIGRATE", host, port, aliceKey, 0, 10_000)
	stillThere(t, s) // by ASK
	writable(t, s)
	for _, node := range cluster.Nodes {
		node.MustAsk("CLUSTER", "SETSLOT", slot, "NODE", to.MustAsk("CLUSTER", "MYID"))
	}
	stillThere(t, s) // by MOVED
	writable(t, s)
	if i, err := s.Identity(t.Context(), alice); err != nil || i.ActorID("user") != "user_1" {
		t.Errorf("read %+v, %v", i, err)
	}
}

// TestClusterIsDown: with a third of the slots gone, nothing is answered, though
// most of it could be.
func TestClusterIsDown(t *testing.T) {
	t.Parallel()
	cluster := identitytest.StartCluster(t, 0)
	s := newStoreBy(t, clusterOptions(cluster))
	must(t, s.Create(t.Context(), someone()))
	cluster.MasterOf(aliceKey).Kill()
	identitytest.Await(t, "the others have noticed", func() bool {
		_, err := s.Find(t.Context(), "emailpass", address)
		if identity.CodeOf(err) != identity.CodeUnavailable { // the identity is on a dead node
			t.Fatalf("finding gave %v", err)
		}
		return identity.ReasonOf(err) == "store_clusterdown"
	})
}
