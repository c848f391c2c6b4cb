//go:build unix

package faults

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// Whatever is wrong with the store, whoever shows what is good is never told that
// it is bad, what is bad never counts, no cookie is touched by what is not done,
// every answer comes, and without a restart everything works again when the store
// does. Who needs nothing of the store notices nothing (attack K1).
func TestMatrix(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := newStand(t)
	all := injected(seed)
	maps.Copy(all, servers())
	s.matrix(t, all, func(int) map[string]func(testing.TB) attempt { return s.writes() })
}

// matrix lets every attempt meet every fault; writes returns those of the nth fault.
func (s *stand) matrix(t *testing.T, all map[string]fault, writes func(n int) map[string]func(testing.TB) attempt) {
	t.Helper()
	p := s.newPeople(t)
	total := new(tally)
	met := 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := all[name]
		if !whole && !f.quick {
			continue
		}
		t.Run(name, func(t *testing.T) {
			attempts := s.routes(t, p, writes(met))
			met++
			maps.Copy(attempts, s.proxied(t, p))
			running := s.opens(t, p)
			s.warms(t, p)
			f.begin(t, s)
			acknowledged := total.meet(t, s, attempts, f)
			f.end(t, s)
			for name, a := range attempts {
				t.Run(name, func(t *testing.T) { a.over(t, s.node, acknowledged[name]) })
			}
			if err := running.echo("still"); err != nil {
				t.Errorf("a connection that was open is open no longer: %v", err)
			}
			running.Close()
		})
	}
	t.Logf("%d faults, %d requests: %d answered as if there was none, %d unknown (503); false 401: %d, false 200: %d, cookies set without success: %d, hung: %d, other: %d",
		met, total.requests, total.answered, total.unknown, total.false401, total.false200, total.cookies, total.hung, total.odd)
}

// opens upgrades a connection before the fault.
func (s *stand) opens(t *testing.T, p people) *stream {
	t.Helper()
	r, err := upgrade("/mine", p.known.bearer()...).request(t.Context(), s.node.URL())
	if err != nil {
		t.Fatal(err)
	}
	running, a, err := open(r)
	if err != nil || a.Status != http.StatusSwitchingProtocols {
		t.Fatalf("%d %s, %v", a.Status, a.Body, err)
	}
	return running
}

// atOnce is how many attempts are made at once: fewer than may wait for hashing.
const atOnce = 12

// meet makes every attempt while the fault lasts, and returns what was answered as
// if there was none.
func (c *tally) meet(t *testing.T, s *stand, attempts map[string]attempt, f fault) map[string]e2e.Answer {
	var mu sync.Mutex
	acknowledged := make(map[string]e2e.Answer)
	turns := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for name, a := range attempts {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			done := c.make(t, s.node, name, a, f)
			if f.harmless && done.Status == 0 { // at most for want of processors
				if done = a.until(t, s.node.URL()); !slices.Contains(a.answers, done.Status) {
					t.Errorf("%s: answered %d %s", name, done.Status, done.Body)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			acknowledged[name] = done
		})
	}
	all.Wait()
	return acknowledged
}
