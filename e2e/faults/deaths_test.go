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
	s.everyStep(t, s.writes(), func(t testing.TB) death {
		return after(func(heard func()) {
			s.node.Kill()
			heard()
			s.meets(nil)
			s.node.Restart()
		})
	})
}

// The server is killed at every step of every write, and started again with what
// is on its disk; the sidecar goes on (attack K2).
func TestServerIsKilled(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.everyStep(t, s.writes(), func(t testing.TB) death {
		return after(func(heard func()) {
			s.redis.Kill()
			heard()
			s.redis.Restart()
			s.meets(nil)
			get("/mine", s.cold.bearer()...).until(t, s.maker.URL()) // it was cut off, too
		})
	})
}

// death is what happens at one step of a write.
type death struct {
	// fate is that of the command at which it happens, behind that of those after it.
	// When it calls reached, strike is run.
	fate   func(reached func()) identitytest.Fate
	behind identitytest.Fate
	// strike kills, and puts everything in order again. Until heard returns, the
	// client waits for the answer.
	strike func(heard func())
	// again: who got 503 does it once more before heard returns.
	again bool
}

// after strikes when the server has carried out a command and nobody has heard. The
// server does not hear of the next, so that this is before that as well.
func after(strike func(heard func())) death {
	return death{
		fate: func(reached func()) identitytest.Fate {
			return identitytest.Fate{Replied: reached, Delay: time.Hour}
		},
		behind: identitytest.Fate{Vanish: true},
		strike: strike,
	}
}

// hiccups is how often in a row nothing may be known of a write that nothing was
// done to: at most for want of processors.
const hiccups = 20

// everyStep makes each of the writes as often as it has steps, and lets a death happen at
// each.
func (s *stand) everyStep(t *testing.T, writes map[string]func(testing.TB) attempt, next func(testing.TB) death) {
	t.Helper()
	deaths := 0
	for _, name := range slices.Sorted(maps.Keys(writes)) {
		if !whole && name != "session" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			unknown := 0
			for n := 1; ; {
				struck, answered := s.dies(t, writes[name](t), n, next(t))
				switch {
				case struck:
					deaths++
					n++
					unknown = 0
				case answered:
					return // there are no so many commands
				default:
					if unknown++; unknown == hiccups {
						t.Fatal("nobody knows what becomes of it, and nothing is wrong")
					}
				}
			}
		})
	}
	t.Logf("killed %d times; nothing acknowledged was lost", deaths)
}

// dies makes the attempt, lets the death happen at the nth command of it, and reports
// whether it got that far, and whether it was answered as if nothing was wrong.
func (s *stand) dies(t *testing.T, a attempt, n int, d death) (struck, answered bool) {
	t.Helper()
	// Connections are made before, so that their greetings are not counted.
	get("/mine", s.cold.bearer()...).until(t, s.node.URL())
	reached := make(chan struct{})
	commands := 0
	s.meets(func(command []string) identitytest.Fate {
		switch {
		case ofConnections(command[0]):
			return identitytest.Fate{}
		case !ofWaiting(command):
			if commands++; commands == n {
				return d.fate(sync.OnceFunc(func() { close(reached) }))
			}
		}
		if commands < n {
			return identitytest.Fate{}
		}
		return d.behind
	})
	answer := make(chan e2e.Answer, 1)
	go func() {
		got, _ := a.send(t.Context(), s.node.URL()) // its connection may end with the node
		answer <- got
	}()
	var got e2e.Answer
	select {
	case <-reached:
		struck = true
		d.strike(func() {
			if got = <-answer; d.again && got.Status == http.StatusServiceUnavailable {
				got, _ = a.send(t.Context(), s.node.URL())
				if !slices.Contains(a.answers, got.Status) && got.Status != http.StatusServiceUnavailable {
					t.Errorf("answered 503 and then %d %s, which rests on what may be lost yet", got.Status, got.Body)
				}
			}
		})
	case got = <-answer:
		s.meets(nil)
	}
	answered = slices.Contains(a.answers, got.Status)
	if !answered {
		if got.Status != 0 && got.Status != http.StatusServiceUnavailable {
			t.Errorf("answered %d %s", got.Status, got.Body)
		}
		got = e2e.Answer{} // nothing was acknowledged
	}
	if a.over(t, s.node, got); t.Failed() {
		t.Fatalf("that was after command %d", n)
	}
	return struck, answered
}

// ofConnections reports whether a command is none of a request, but of connections
// as they are made and kept.
func ofConnections(name string) bool {
	return slices.Contains([]string{"HELLO", "CLIENT", "AUTH", "SELECT", "PING", "ROLE", "COMMAND", "TIME", "XREAD"}, name) ||
		strings.Contains(name, "SUBSCRIBE")
}

// ofWaiting reports whether a command belongs to the one before it: replicas are
// waited for.
func ofWaiting(command []string) bool {
	return command[0] == "WAIT" || command[0] == "SET" && strings.HasPrefix(command[1], "auth:w:{")
}
