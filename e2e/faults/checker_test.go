//go:build unix && faults

package faults

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// enough waits until there are some writes of each kind to be lost.
func enough(kinds ...string) func(*ledger, *rand.Rand) {
	return func(l *ledger, _ *rand.Rand) {
		for l.least(kinds...) < 3 {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// The checker finds a server that forgets what it acknowledged.
func TestHistoryOfAServerThatForgets(t *testing.T) {
	t.Parallel()
	s := newStand(t, "--appendonly", "no")
	l := history(t, 1, []string{s.maker.URL()}, s.direct, func(l *ledger, random *rand.Rand) {
		enough(kinds...)(l, random)
		s.redis.Kill()
		s.redis.Restart()
	})
	if len(l.wrong) == 0 {
		t.Error("nobody noticed")
	}
}

// The checker finds a store that acknowledges what it does not write.
func TestHistoryOfAStoreThatLies(t *testing.T) {
	t.Parallel()
	needed := map[string]string{"sessions that are not saved": "session", "sessions that are not deleted": "log-out"}
	for name, lie := range map[string]func([]string) identitytest.Fate{
		"sessions that are not saved": func(command []string) identitytest.Fate { // those of marks of log-ins are short
			if command[0] == "SET" && len(command) > 3 && len(command[2]) > 200 {
				return identitytest.Fate{Reply: "+OK"}
			}
			return identitytest.Fate{}
		},
		"sessions that are not deleted": func(command []string) identitytest.Fate {
			if command[0] == "DEL" || command[0] == "UNLINK" {
				return identitytest.Fate{Reply: ":1"}
			}
			return identitytest.Fate{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			s.meets(lie)
			l := history(t, 1, []string{s.node.URL()}, s.direct, enough(needed[name]))
			if len(l.wrong) == 0 {
				t.Error("nobody noticed")
			}
		})
	}
}
