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

// TestWaitWhileASlotMoves: a record that is still here is not looked for, and not
// written, where it is not yet, and one that has moved waits for its new replica.
func TestWaitWhileASlotMoves(t *testing.T) {
	t.Parallel()
	cluster := identitytest.StartCluster(t, 1)
	o := waitingFor(cluster.URL(), 1, brief)
	o.Cluster = true
	s := newStoreBy(t, o)
	must(t, s.Create(t.Context(), someone()))
	o.Wait = redisstore.Wait{Replicas: 2, Timeout: brieflyNot} // there is one
	late := newStoreBy(t, o)

	from, to := cluster.MasterOf(aliceKey), cluster.Masters()[0]
	if to == from {
		to = cluster.Masters()[1]
	}
	slot := from.MustAsk("CLUSTER", "KEYSLOT", aliceKey)
	host, port, _ := strings.Cut(to.Addr(), ":")
	to.MustAsk("CLUSTER", "SETSLOT", slot, "IMPORTING", from.MustAsk("CLUSTER", "MYID"))
	from.MustAsk("CLUSTER", "SETSLOT", slot, "MIGRATING", to.MustAsk("CLUSTER", "MYID"))

	for _, store := range []*redisstore.Store{s, late} {
		unreplicated := map[string]error{
			"reading": second(store.Identity(identity.Durable(t.Context()), alice)), "revoking": store.Revoke(t.Context(), alice, time.Now()),
		}
		for name, err := range unreplicated {
			if identity.ReasonOf(err) != "write_not_replicated" {
				t.Errorf("%s gave %v", name, err)
			}
		}
	}
	must(t, second(s.Identity(t.Context(), alice)))

	from.MustAsk("MIGRATE", host, port, aliceKey, 0, 10_000)
	must(t, second(s.Identity(identity.Durable(t.Context()), alice)))
	must(t, s.Revoke(t.Context(), alice, time.Now()))
	if err := late.Revoke(t.Context(), alice, time.Now()); identity.ReasonOf(err) != "write_not_replicated" {
		t.Errorf("revoking by ASK gave %v", err)
	}
	for _, node := range cluster.Masters() {
		node.MustAsk("CLUSTER", "SETSLOT", slot, "NODE", to.MustAsk("CLUSTER", "MYID"))
	}
	must(t, s.Revoke(t.Context(), alice, time.Now()))
}
