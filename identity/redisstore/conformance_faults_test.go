//go:build unix && faults

package redisstore_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// The suites that are quick on one server run on every other kind here.
func init() {
	for name, start := range otherBackends {
		backends[name] = start
	}
}

// TestStoreFaultsWhileWaiting: every command that fails, and every reply that gets
// lost, the replicas' too.
func TestStoreFaultsWhileWaiting(t *testing.T) {
	t.Parallel()
	connect := connecting(waitingFor(identitytest.StartReplicas(t, 1).Nodes[0].URL(), 1, brief))
	identitytest.RunStoreFaults(t, func(t *testing.T, clock *identitytest.Clock, faults *identitytest.Faults) identitytest.Store {
		var client redis.UniversalClient = connect(t)
		client.AddHook(faults)
		return newStore(t, client, clock.Now)
	})
}
