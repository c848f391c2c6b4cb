//go:build unix

package identitytest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// SentinelMaster is the name under which the sentinels watch the master.
	SentinelMaster = "shop"

	sentinelCount = 3
)

// Sentinels are three sentinels that watch a master with replicas, two of them
// enough to replace it.
type Sentinels struct {
	*Replicated
	// Sentinels are the watchers.
	Sentinels []*Redis
}

// StartSentinels starts a master with that many replicas and three sentinels,
// and returns when they know each other and all servers. They take a master for
// dead after half a second. args are options of the servers, as with StartRedis.
func StartSentinels(t testing.TB, replicas int, args ...string) *Sentinels {
	t.Helper()
	s := &Sentinels{Replicated: StartReplicas(t, replicas, args...)}
	for range sentinelCount {
		s.Sentinels = append(s.Sentinels, startSentinel(t, s.Nodes[0]))
	}
	s.AwaitWatched()
	return s
}

func startSentinel(t testing.TB, master *Redis) *Redis {
	t.Helper()
	r := &Redis{t: t, port: FreePort(t), ready: "Sentinel ID is"}
	folder := t.TempDir()
	config := filepath.Join(folder, "sentinel.conf")
	// It writes what it learns into its configuration.
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %d 2\n"+
		"sentinel down-after-milliseconds %s 500\nsentinel failover-timeout %s 2000\n",
		r.port, folder, SentinelMaster, master.port, SentinelMaster, SentinelMaster)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r.args = []string{config, "--sentinel"}
	r.start()
	r.hurry()
	return r
}

// hurry makes a sentinel ask more often than the production's every 10 s, and
// keeps it from resting for half a minute because the machine was busy.
func (r *Redis) hurry() {
	r.t.Helper()
	r.MustAsk("SENTINEL", "DEBUG", "INFO-PERIOD", "200", "PING-PERIOD", "100", "ASK-PERIOD", "100",
		"PUBLISH-PERIOD", "200", "TILT-TRIGGER", "60000", "TILT-PERIOD", "1000")
}

// Patience is how long a server does not answer until the sentinels, all of which
// must run, take it for dead. At first it is half a second.
func (s *Sentinels) Patience(d time.Duration) {
	s.t.Helper()
	for _, sentinel := range s.Sentinels {
		sentinel.MustAsk("SENTINEL", "SET", SentinelMaster, "down-after-milliseconds", d.Milliseconds())
	}
}

// Addrs returns host and port of every sentinel.
func (s *Sentinels) Addrs() []string {
	var addrs []string
	for _, sentinel := range s.Sentinels {
		addrs = append(addrs, sentinel.Addr())
	}
	return addrs
}

// URL returns a redis:// URL that lists the sentinels.
func (s *Sentinels) URL() string { return "redis://" + strings.Join(s.Addrs(), ",") + "/0" }

// RestartSentinel starts a sentinel again that was stopped or killed.
func (s *Sentinels) RestartSentinel(sentinel *Redis) {
	s.t.Helper()
	sentinel.Restart()
	sentinel.hurry()
}

// AwaitWatched waits until the sentinels that run agree who is master, which is
// master, and know each other and every replica that runs.
func (s *Sentinels) AwaitWatched() {
	s.t.Helper()
	s.AwaitInStep()
	Await(s.t, "the sentinels know each other and the replicas", func() bool {
		master := s.Master()
		if master == nil {
			return false
		}
		running := slices.DeleteFunc(slices.Clone(s.Sentinels), func(r *Redis) bool { return r.ended() })
		for _, sentinel := range running {
			line := sentinel.Info("sentinel")["master0"]
			if !strings.Contains(line, "status=ok,address="+master.Addr()+",") ||
				!strings.Contains(line, fmt.Sprintf("sentinels=%d", sentinelCount)) ||
				s.known(sentinel) < s.running()-1 {
				return false
			}
		}
		return len(running) > 0
	})
}

// known returns how many replicas the sentinel knows and gets answers from.
func (s *Sentinels) known(sentinel *Redis) int {
	reply, err := sentinel.ask(probeTimeout, "SENTINEL", "REPLICAS", SentinelMaster)
	if err != nil {
		return 0
	}
	n := 0
	replicas, _ := reply.([]any)
	for _, replica := range replicas {
		fields, _ := replica.(map[any]any)
		if fields["flags"] == "slave" && fields["master-link-status"] == "ok" { // nothing like s_down
			n++
		}
	}
	return n
}

// AwaitFailover waits until another server than old is master and the sentinels
// say so. It returns the new one.
func (s *Sentinels) AwaitFailover(old *Redis) *Redis {
	s.t.Helper()
	var master *Redis
	Await(s.t, "another server is master", func() bool {
		for _, node := range s.Nodes {
			if node != old && node.Info("replication")["role"] == "master" && s.told(node) {
				master = node
				return true
			}
		}
		return false
	})
	return master
}

// told reports whether every sentinel that runs names the server as master.
func (s *Sentinels) told(node *Redis) bool {
	for _, sentinel := range s.Sentinels {
		reply, err := sentinel.ask(probeTimeout, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SentinelMaster)
		if sentinel.ended() {
			continue
		}
		if err != nil || fmt.Sprint(reply) != fmt.Sprintf("[127.0.0.1 %d]", node.port) {
			return false
		}
	}
	return true
}
