//go:build unix

package faults

import (
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/e2e"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// pair is a stand on a master with a replica, which have nothing on their disks.
// Sidecars wait for the replica, and reach whoever is master by relays, as by a
// name that is moved.
type pair struct {
	*stand
	servers         *identitytest.Replicated
	master, replica *identitytest.Redis
	makers          *identitytest.Relay
}

func newPair(t *testing.T) *pair {
	t.Helper()
	servers := identitytest.StartReplicas(t, 1)
	p := &pair{stand: around(t), servers: servers, master: servers.Nodes[0], replica: servers.Nodes[1]}
	p.topology = topology{wait: 1}
	p.relay = identitytest.StartRelay(t, p.master.Addr())
	p.makers = identitytest.StartRelay(t, p.master.Addr())
	p.meets(nil)
	p.node = e2e.StartCaddy(t, p.config(p.relay.URL(), "cached 1h", timeout))
	p.maker = e2e.StartCaddy(t, p.config(p.makers.URL(), "strict", patient))
	p.asksBy(t, redis.NewClient(&redis.Options{Addr: p.makers.Addr()}))
	p.cold = p.joined(t)
	return p
}

// promote lets the replica take the place of the master, which was killed, and comes
// back as its replica.
func (p *pair) promote(t testing.TB) {
	t.Helper()
	p.servers.Promote(p.replica)
	p.master, p.replica = p.replica, p.master
	p.relay.Lead(p.master.Addr())
	p.makers.Lead(p.master.Addr())
	p.servers.Rejoin(p.replica, p.master)
	p.meets(nil)
	get("/mine", p.cold.bearer()...).until(t, p.maker.URL())
}

// The master is killed at every step of every write, and its replica takes its
// place: that has what was acknowledged, and what the client does again ends well
// (attack K2).
func TestMasterIsKilled(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.everyStep(t, p.writes(), func(t testing.TB) death {
		return after(func(heard func()) {
			p.master.Kill()
			heard()
			p.promote(t)
		})
	})
}

// From every step of every write on the replica hears nothing more of the master,
// until that is killed: only what the replica has may have been acknowledged, and so
// it is when the client does the same again before.
func TestMasterIsCutOff(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.everyStep(t, p.writes(), func(t testing.TB) death {
		cut := make(chan struct{})
		ends := sync.OnceFunc(func() { close(cut) })
		t.Cleanup(ends) // or the relay would wait after a failure
		return death{
			again: true,
			fate: func(reached func()) identitytest.Fate {
				reached()
				<-cut // before the server hears of the command
				return identitytest.Fate{}
			},
			strike: func(heard func()) {
				p.replica.MustAsk("REPLICAOF", "127.0.0.1", "1") // nobody listens there
				ends()
				heard()
				p.master.Kill()
				p.promote(t)
			},
		}
	})
}
