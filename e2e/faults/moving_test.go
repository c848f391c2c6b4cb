//go:build unix && faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// storm moves the slots that have keys from each master of a cluster to the next,
// again and again.
type storm struct {
	masters []*redis.Client
	ids     []string
	stop    context.CancelFunc
	over    chan error
	moved   int
}

func newStorm(t testing.TB, servers *identitytest.Cluster) *storm {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	m := &storm{stop: stop, over: make(chan error, 1)}
	for _, node := range servers.Masters() {
		m.masters = append(m.masters, redis.NewClient(&redis.Options{Addr: node.Addr(), ReadTimeout: time.Minute}))
		m.ids = append(m.ids, node.MustAsk("CLUSTER", "MYID").(string))
	}
	go func() { m.over <- m.blows(ctx) }()
	return m
}

// end lets no slot be on its way.
func (m *storm) end(t testing.TB) {
	t.Helper()
	m.stop()
	if err := <-m.over; err != nil {
		t.Fatalf("moving slots: %v", err)
	}
	for _, master := range m.masters {
		_ = master.Close()
	}
	t.Logf("%d slots were moved", m.moved)
}

func (m *storm) blows(ctx context.Context) error {
	for n := 0; ; n = (n + 1) % len(m.masters) {
		slots, err := m.slots(n)
		if err != nil {
			return err
		}
		for _, slot := range slots {
			if ctx.Err() != nil {
				return nil
			}
			if err := m.move(slot, n, (n+1)%len(m.masters)); err != nil {
				return fmt.Errorf("slot %d: %w", slot, err)
			}
			m.moved++
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// slots are those of which a master has keys.
func (m *storm) slots(n int) ([]int64, error) {
	ctx := context.Background()
	keys, err := m.masters[n].Keys(ctx, "*").Result()
	if err != nil {
		return nil, err
	}
	var slots []int64
	for _, key := range keys {
		slot, err := m.masters[n].ClusterKeySlot(ctx, key).Result()
		if err != nil {
			return nil, err
		}
		slots = append(slots, slot)
	}
	slices.Sort(slots)
	return slices.Compact(slots), nil
}

// move moves a slot as `redis-cli --cluster reshard` does.
func (m *storm) move(slot int64, from, to int) error {
	ctx := context.Background()
	if err := m.masters[to].Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", m.ids[from]).Err(); err != nil {
		return err
	}
	if err := m.masters[from].Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", m.ids[to]).Err(); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(m.masters[to].Options().Addr)
	if err != nil {
		return err
	}
	for {
		keys, err := m.masters[from].ClusterGetKeysInSlot(ctx, int(slot), 100).Result()
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			break
		}
		for _, key := range keys { // one after the other: while some of a slot's are here and some there
			if err := m.masters[from].Do(ctx, "MIGRATE", host, port, key, 0, 60_000).Err(); err != nil {
				return err
			}
		}
	}
	var failed error
	for _, n := range []int{to, from, 3 - from - to} { // the new one first, lest nobody has it
		failed = errors.Join(failed, m.masters[n].Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", m.ids[to]).Err())
	}
	return failed
}
