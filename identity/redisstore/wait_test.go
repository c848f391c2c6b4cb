//go:build unix

package redisstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// unwaited are the writes that may be lost with the master: what they keep is a
// convenience, or counts guesses.
var unwaited = map[string]bool{
	"MarkRecent": true, "ReplaceSession": true, "TakeEvents": true, "ReturnEvents": true, "ForgetEvents": true, "ForgetBeginning": true,
	"SeeSession": true, "UnlistSessions": true,
}

// brief is how long tests wait for replicas that are there, brieflyNot for such
// that are not.
const (
	brief      = 10 * time.Second
	brieflyNot = 20 * time.Millisecond
)

func waitingFor(url string, replicas int, timeout time.Duration) redisstore.ClientOptions {
	return redisstore.ClientOptions{
		URL: identity.NewSecret(url), Timeout: patient, Wait: redisstore.Wait{Replicas: replicas, Timeout: timeout},
	}
}

// refused fails the test unless every write says that it is not on the replicas,
// and everything else is answered.
func refused(t *testing.T, s *redisstore.Store) {
	t.Helper()
	for name, call := range calls(s) {
		err := call(t.Context())
		switch {
		case reads[name] || unwaited[name]:
			if err != nil && identity.CodeOf(err) == identity.CodeUnavailable {
				t.Errorf("%s: got %v", name, err)
			}
		case identity.CodeOf(err) != identity.CodeUnavailable || identity.ReasonOf(err) != "write_not_replicated":
			t.Errorf("%s: got %v, reason %s", name, err, identity.ReasonOf(err))
		}
	}
	queue := s.Queue()
	for name, err := range map[string]error{
		"Enqueue":                   queue.Enqueue(t.Context(), identity.ResetRequest{}),
		"Identity that is reported": second(s.Identity(identity.Durable(t.Context()), alice)),
	} {
		if identity.CodeOf(err) != identity.CodeUnavailable || identity.ReasonOf(err) != "write_not_replicated" {
			t.Errorf("%s: got %v, reason %s", name, err, identity.ReasonOf(err))
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestWaitInVain: whatever is written may be there, but nobody is told that it is.
func TestWaitInVain(t *testing.T) {
	t.Parallel()
	servers := identitytest.StartReplicas(t, 1)
	s := newStoreBy(t, waitingFor(servers.Nodes[0].URL(), 1, brief))
	must(t, s.Create(t.Context(), someone()))
	refused(t, newStoreBy(t, waitingFor(servers.Nodes[0].URL(), 2, brieflyNot))) // there is one

	servers.Nodes[1].Pause()
	late := newStoreBy(t, waitingFor(servers.Nodes[0].URL(), 1, brieflyNot))
	refused(t, late)
	// The very same again, which finds nothing left to do.
	must(t, newStoreAt(t, servers.Nodes[0].URL(), patient).Link(t.Context(), alice, "user", "user_1"))
	if err := late.Link(t.Context(), alice, "user", "user_1"); identity.ReasonOf(err) != "write_not_replicated" {
		t.Errorf("linking again gave %v", err)
	}
	servers.Nodes[1].Resume()
	must(t, s.Link(t.Context(), alice, "user", "user_1"))
	must(t, s.Queue().Enqueue(t.Context(), identity.ResetRequest{}))
	must(t, redisstore.NewEvents(newClient(t, servers.Nodes[0].URL()), "auth:events", time.Hour).Append(t.Context(), "a", "b"))
}

// TestWaitInACluster: the replica of one node is behind, those of the others are not.
func TestWaitInACluster(t *testing.T) {
	t.Parallel()
	cluster := identitytest.StartCluster(t, 1)
	o := waitingFor(cluster.URL(), 1, brief)
	o.Cluster = true
	s := newStoreBy(t, o)
	must(t, s.Create(t.Context(), someone()))
	must(t, s.SaveSession(t.Context(), someSID, []byte("a"), time.Hour))
	must(t, s.KeepAttempt(t.Context(), someHash, someAttempt()))

	o.Wait = redisstore.Wait{Replicas: 2, Timeout: brieflyNot}
	refused(t, newStoreBy(t, o)) // there is one of each

	o.Wait = redisstore.Wait{Replicas: 1, Timeout: brieflyNot}
	late := newStoreBy(t, o)
	must(t, second(late.Identity(t.Context(), alice))) // so that it knows the nodes
	master := cluster.MasterOf(aliceKey)
	for _, node := range cluster.Nodes {
		if node.Info("replication")["master_port"] == master.Info("server")["tcp_port"] {
			node.Pause()
			defer node.Resume()
		}
	}
	if err := late.Link(t.Context(), alice, "user", "user_1"); identity.ReasonOf(err) != "write_not_replicated" {
		t.Errorf("linking gave %v", err)
	}
	if _, err := late.Identity(t.Context(), alice); err != nil {
		t.Errorf("reading gave %v", err)
	}
}

// TestWaitSavesWhatIsAcknowledged: the replica does not get it, the master dies,
// and the replica takes its place.
func TestWaitSavesWhatIsAcknowledged(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]redisstore.Wait{"waiting": {Replicas: 1, Timeout: brieflyNot}, "not": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := identitytest.StartReplicas(t, 1)
			master, replica := servers.Nodes[0], servers.Nodes[1]
			o := waitingFor(master.URL(), 0, 0)
			o.Wait = redisstore.Wait{Replicas: 1, Timeout: brief}
			must(t, newStoreBy(t, o).Create(t.Context(), someone()))
			servers.Cut()
			o.Wait = wait
			acknowledged := newStoreBy(t, o).ReplaceCredential(t.Context(), alice, entry("hash"), entry("new"))
			master.Kill()
			servers.Promote(replica)
			i, err := newStoreAt(t, replica.URL(), patient).Identity(t.Context(), alice)
			must(t, err)
			if got := i.Providers["emailpass"].Credential.Reveal(); got != "hash" {
				t.Fatalf("the credential is %q: the replica was not behind", got)
			}
			if lost := acknowledged == nil; lost != (wait == redisstore.Wait{}) {
				t.Errorf("replacing gave %v, and was lost", acknowledged)
			}
		})
	}
}

// TestWaitOnNewMaster: what the last master did must not be asked of the next. All
// replicas are waited for, since sentinels may make any of them the next: they know
// how far each is as of some seconds ago.
func TestWaitOnNewMaster(t *testing.T) {
	t.Parallel()
	servers := identitytest.StartSentinels(t, 2)
	o := sentinelOptions(servers)
	o.Timeout, o.Wait = patient, redisstore.Wait{Replicas: 2, Timeout: brief}
	must(t, newStoreBy(t, o).Create(t.Context(), someone()))
	o = sentinelOptions(servers)
	o.Wait = redisstore.Wait{Replicas: 2, Timeout: shortly / 2}
	s := newStoreBy(t, o)
	var kept []string
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			sid := someSID + string(rune('a'+n%26)) + time.Now().Format(time.RFC3339Nano)
			if err := s.SaveSession(context.Background(), sid, []byte(sid), time.Hour); err == nil {
				kept = append(kept, sid)
			}
		}
	}()
	first := servers.Master()
	first.Kill()
	servers.AwaitFailover(first)
	first.Restart() // or there would be one replica
	writable(t, s)
	close(stop)
	<-stopped
	for _, sid := range kept {
		got, err := s.LoadSession(t.Context(), sid)
		if err != nil || string(got) != sid {
			t.Errorf("of %d sessions that were acknowledged, %s is %q, %v", len(kept), sid, got, err)
		}
	}
	if len(kept) == 0 {
		t.Error("none was acknowledged")
	}
}

func TestWaitOptions(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]redisstore.Wait{
		"no replica": {Timeout: time.Millisecond}, "fewer": {Replicas: -1, Timeout: time.Millisecond},
		"no time": {Replicas: 1}, "as long as an operation": {Replicas: 1, Timeout: time.Second},
	} {
		c, err := redisstore.NewClient(redisstore.ClientOptions{URL: identity.NewSecret("redis://shop"), Timeout: time.Second, Wait: wait})
		if err == nil {
			_ = c.Close()
			t.Errorf("%s was taken", name)
		}
	}
}

// TestWaitNeedsNoMore: a failure of the command itself is told as such.
func TestWaitNeedsNoMore(t *testing.T) {
	t.Parallel()
	servers := identitytest.StartReplicas(t, 1)
	s := newStoreBy(t, waitingFor(servers.Nodes[0].URL(), 1, brief))
	if err := s.DeleteSession(t.Context(), someSID); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("deleting gave %v", err)
	}
	servers.Nodes[0].MustAsk("SET", "auth:sess:"+someSID, "a")
	servers.Nodes[0].MustAsk("CONFIG", "SET", "maxmemory", "1")
	if err := s.SaveSession(t.Context(), someSID, []byte("b"), time.Hour); identity.ReasonOf(err) != "store_oom" {
		t.Errorf("saving gave %v", err)
	}
	var down redis.Error
	if err := s.DeleteSession(t.Context(), someSID); err == nil || !errors.As(err, &down) { // the fence does not go through
		t.Errorf("deleting gave %v", err)
	}
}
