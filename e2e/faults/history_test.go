//go:build unix

package faults

import (
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// clientsAtOnce is how many accounts are lived through at the same time.
const clientsAtOnce = 6

// history lets clients use the nodes while trouble lasts, after which all is well
// again, and returns what they were told and what contradicts it.
func history(t *testing.T, seed uint64, nodes []string, stream redis.UniversalClient, trouble func(*ledger, *rand.Rand)) *ledger {
	t.Helper()
	t.Logf("seed %d", seed)
	l := newLedger()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for n := range clientsAtOnce {
		c := &client{
			ledger: l, nodes: nodes, random: rand.New(rand.NewPCG(seed, uint64(n+1))),
			mail: func(email string) string { return mailed(stream, email) },
		}
		all.Go(func() {
			for ctx.Err() == nil {
				c.lives(ctx)
			}
		})
	}
	trouble(l, rand.New(rand.NewPCG(seed, 0)))
	cancel()
	all.Wait()
	settled := make(chan *account)
	for n := range clientsAtOnce {
		c := &client{ledger: l, nodes: nodes, patient: true, random: rand.New(rand.NewPCG(seed, uint64(n+100)))}
		all.Go(func() {
			for a := range settled {
				c.settle(a)
			}
		})
	}
	for _, a := range l.accounts {
		settled <- a
	}
	close(settled)
	all.Wait()
	t.Log(l)
	return l
}

// mailed returns the latest reset token in the stream for the address, "" if there
// is none or the stream cannot be read.
func mailed(stream redis.UniversalClient, email string) (token string) {
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	entries, err := stream.XRange(ctx, "auth:events", "-", "+").Result()
	if err != nil {
		return ""
	}
	for _, e := range entries {
		var data struct {
			EntityID string `json:"entity_id"`
			Token    string `json:"token"`
		}
		text, _ := e.Values["data"].(string)
		if json.Unmarshal([]byte(text), &data) == nil && data.EntityID == email {
			token = data.Token
		}
	}
	return token
}

func (l *ledger) fails(t *testing.T) {
	t.Helper()
	for _, wrong := range l.wrong[:min(len(l.wrong), 20)] {
		t.Error(wrong)
	}
}

// lasts is how long trouble goes on.
func lasts() time.Duration {
	if whole {
		return time.Minute
	}
	return 8 * time.Second
}

// Whatever of the matrix happens, in whichever order, and the sidecar dies in
// between: of what clients were told is done nothing is lost, and nothing of it is
// undone (attack K2).
func TestHistory(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	second := e2e.StartCaddy(t, s.config(s.redis.URL(), "strict", timeout))
	s.node.Stop()
	s.node = e2e.StartCaddy(t, s.config(s.relay.URL(), "strict", timeout))
	seed := uint64(time.Now().UnixNano())
	all := injected(seed)
	maps.Copy(all, servers())
	delete(all, "nothing")
	names := slices.Sorted(maps.Keys(all))
	met := 0
	l := history(t, seed, []string{s.node.URL(), second.URL()}, s.direct, func(l *ledger, random *rand.Rand) {
		for end := time.Now().Add(lasts()); time.Now().Before(end) || l.least(kinds...) < 3; met++ {
			pause(random, time.Second)
			if random.IntN(8) == 0 {
				s.node.Kill()
				s.node.Restart()
				continue
			}
			f := all[names[random.IntN(len(names))]]
			f.begin(t, s)
			pause(random, 1500*time.Millisecond)
			f.end(t, s)
		}
	})
	t.Logf("%d faults", met)
	l.fails(t)
}

// pause lets clients work with or without a fault, for a time that the seed decides.
func pause(random *rand.Rand, most time.Duration) {
	time.Sleep(time.Duration(random.Int64N(int64(most))))
}
