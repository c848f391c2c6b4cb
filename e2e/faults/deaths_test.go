//go:build unix

package faults

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/e2e"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// The sidecar is killed at every step of every write. When it is back, what the
// client does again ends well, and what was acknowledged is there (attack K2).
func TestSidecarIsKilled(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.everyDeath(t, func() { s.node.Kill() }, func() {
		s.meets(nil)
		s.node.Restart()
	})
}

// The server is killed at every step of every write, and started again with what
// is on its disk; the sidecar goes on (attack K2).
func TestServerIsKilled(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.everyDeath(t, func() { s.redis.Kill() }, func() {
		s.redis.Restart()
		s.meets(nil)
		get("/mine", s.cold.bearer()...).until(t, s.maker.URL()) // it was cut off, too
	})
}

// everyDeath makes every write, and kills at every step of it.
func (s *stand) everyDeath(t *testing.T, kill, revive func()) {
	writes := s.writes()
	deaths := 0
	for _, name := range slices.Sorted(maps.Keys(writes)) {
		if !whole && name != "session" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for n := 1; ; n++ {
				if !s.dies(t, writes[name](t), n, kill, revive) {
					return // there are no so many commands
				}
				deaths++
			}
		})
	}
	t.Logf("killed %d times; nothing acknowledged was lost", deaths)
}

// dies makes the attempt, kills when the server has carried out the nth command of it
// and nobody has heard, and reports whether it got that far. The server does not hear
// of the next command, so that this is before that as well.
func (s *stand) dies(t *testing.T, a attempt, n int, kill, revive func()) (died bool) {
	t.Helper()
	// Connections are made before, so that their greetings are not counted.
	get("/mine", s.cold.bearer()...).until(t, s.node.URL())
	reached := make(chan struct{})
	reach := sync.OnceFunc(func() { close(reached) })
	commands := 0
	s.meets(func(command []string) identitytest.Fate {
		if ofConnections(command[0]) {
			return identitytest.Fate{}
		}
		commands++
		switch {
		case commands < n:
			return identitytest.Fate{}
		case commands == n:
			return identitytest.Fate{Replied: reach, Delay: time.Hour}
		}
		return identitytest.Fate{Vanish: true}
	})
	answered := make(chan e2e.Answer, 1)
	go func() {
		got, _ := a.send(t.Context(), s.node.URL()) // its connection may end with the node
		answered <- got
	}()
	var got e2e.Answer
	select {
	case <-reached:
		died = true
		kill()
		got = <-answered
		revive()
	case got = <-answered:
		s.meets(nil)
	}
	switch {
	case slices.Contains(a.answers, got.Status):
	case !died || got.Status != 0 && got.Status != http.StatusServiceUnavailable:
		t.Errorf("answered %d %s", got.Status, got.Body)
		fallthrough
	default:
		got = e2e.Answer{} // nothing was acknowledged
	}
	if a.over(t, s.node, got); t.Failed() {
		t.Fatalf("that was after command %d", n)
	}
	return died
}

// ofConnections reports whether a command is none of a request, but of connections
// as they are made and kept.
func ofConnections(name string) bool {
	return slices.Contains([]string{"HELLO", "CLIENT", "AUTH", "SELECT", "PING", "ROLE", "COMMAND", "TIME", "XREAD"}, name) ||
		strings.Contains(name, "SUBSCRIBE")
}
