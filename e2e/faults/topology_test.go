//go:build unix

package faults

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/e2e"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

const (
	sentinel = "sentinel " + identitytest.SentinelMaster

	// Servers are taken for dead soon while a fault lasts in which one is to be, and
	// else practically never: that the machine is busy is no fault of the matrix.
	impatient = time.Second
	forever   = 10 * time.Minute
)

// topology is how sidecars find one of several servers, and on how many replicas
// what is acknowledged must be.
type topology struct {
	directive string
	wait      int
}

// options are those of the redis directive.
func (o topology) options(timeout time.Duration) string {
	if o.wait == 0 {
		return o.directive
	}
	return fmt.Sprintf("%s\nwait %d %v", o.directive, o.wait, timeout*4/5)
}

// inhabit starts the sidecars of a stand on servers that they find by themselves.
// Both take part in delivering what is in the queue, each to its own notifier: so
// that nothing that the maker is to deliver is in the hands of a node that hangs.
func (s *stand) inhabit(t testing.TB, url string) {
	t.Helper()
	s.maker = e2e.StartCaddy(t, s.config(url, "strict", patient))
	config := s.config(url, "cached 1h", timeout)
	config.Global = strings.Replace(config.Global, "notify stream", "notify log", 1)
	s.node = e2e.StartCaddy(t, config)
	s.cold = s.joined(t)
}

// heals waits until nothing is wrong any more for the maker: wherever a key is, it
// is found, and what is written is replicated.
func (s *stand) heals(t testing.TB) {
	t.Helper()
	for range 50 { // none of three masters is left out
		get("/store/auth/"+newAddress()).until(t, s.maker.URL())
	}
	if got := post(register, credentials(newAddress(), password)).until(t, s.maker.URL()); got.Status != http.StatusOK {
		t.Fatalf("registering when all is well: %d %s", got.Status, got.Body)
	}
}

// insist waits until what was asked for has come about, and asks again: servers
// give up after some seconds.
func insist(t testing.TB, what string, ask func(), so func() bool) {
	t.Helper()
	asked := time.Now()
	identitytest.Await(t, what, func() bool {
		if time.Since(asked) > 15*time.Second {
			asked = time.Now()
			ask()
		}
		return so()
	})
}

// sampled are every third of the writes, others with each fault: of three faults in
// a row each write meets one.
func (s *stand) sampled(n int) map[string]func(testing.TB) attempt {
	all := s.writes()
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if i%3 != n%3 {
			delete(all, name)
		}
	}
	return all
}
