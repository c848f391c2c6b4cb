//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// ear hears what a store does.
type ear struct {
	heard  chan redisstore.Revocation
	joined chan struct{}
	left   chan error
}

// listen listens until the test ends, or until stop is called.
func listen(t *testing.T, s *redisstore.Store) (e ear, stop func()) {
	t.Helper()
	e = ear{make(chan redisstore.Revocation, 1000), make(chan struct{}, 1000), make(chan error, 1000)}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		s.Listen(ctx, redisstore.Listener{
			Heard:  func(r redisstore.Revocation) { e.heard <- r },
			Joined: func() { e.joined <- struct{}{} },
			Left:   func(err error) { e.left <- err },
		})
	})
	stop = sync.OnceFunc(func() {
		cancel()
		done.Wait()
	})
	t.Cleanup(stop)
	return e, stop
}

// next waits for something; only a hang reaches the limit.
func next[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(time.Minute):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

// Every node hears what any announces, on every kind of server.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	for name, start := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connect := start(t)
			client := connect(t)
			prefix := fmt.Sprintf("test%d:", prefixes.Add(1))
			stores := make([]*redisstore.Store, 2)
			for n := range stores {
				if n == 1 && name != "embedded" { // which other clients do not see
					client = connect(t)
				}
				s, err := redisstore.New(client, redisstore.Options{Prefix: prefix, Timeout: patient})
				must(t, err)
				stores[n] = s
			}
			other := newStore(t, client, nil) // another realm
			ears := make([]ear, 2)
			for n := range ears {
				ears[n], _ = listen(t, stores[n])
				next(t, ears[n].joined, "connection")
			}
			stranger, _ := listen(t, other)
			next(t, stranger.joined, "connection")
			for n, r := range []redisstore.Revocation{{IdentityID: alice}, {SID: "nyMv0IIVuYN5VIVtVFf8zI8RGXHTBCJD"}, {SID: strings.Repeat("s", 256)}} {
				must(t, stores[n%2].Announce(t.Context(), r))
				for n, e := range ears {
					if got := next(t, e.heard, "announcement"); got != r {
						t.Errorf("%d heard %+v, want %+v", n, got, r)
					}
				}
			}
			must(t, other.Announce(t.Context(), redisstore.Revocation{IdentityID: "authid_end"}))
			if got := next(t, stranger.heard, "announcement"); got.IdentityID != "authid_end" {
				t.Errorf("another realm heard %+v", got)
			}
		})
	}
}

func TestAnnounceNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t, newEmbedded(t), nil)
	for _, r := range []redisstore.Revocation{{}, {IdentityID: "a b"}, {SID: "a\nb"}, {SID: strings.Repeat("s", 400)}} {
		if err := s.Announce(t.Context(), r); identity.CodeOf(err) != identity.CodeInternal {
			t.Errorf("%+v: got %v", r, err)
		}
	}
}

// What is no announcement is not heard.
func TestMalformedAnnouncements(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	s := newStoreAt(t, r.URL(), patient)
	e, _ := listen(t, s)
	next(t, e.joined, "connection")
	client := newClient(t, r.URL())
	for _, message := range []string{"", "i", "i ", "s ", "x 1", "i a b", "i {}", "s a b", "s \x00", alice, "i " + strings.Repeat("a", 129), strings.Repeat("i ", 1<<20)} {
		must(t, client.Publish(t.Context(), "auth:revoked", message).Err())
	}
	must(t, s.Announce(t.Context(), redisstore.Revocation{IdentityID: alice}))
	if got := next(t, e.heard, "announcement"); got.IdentityID != alice {
		t.Errorf("heard %+v", got)
	}
}

// A connection that breaks is made anew, and whoever listens knows that something
// may have been missed.
func TestListenAgain(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	s := newStoreAt(t, r.URL(), patient)
	e, stop := listen(t, s)
	next(t, e.joined, "connection")
	client := newClient(t, r.URL())
	must(t, client.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err())
	next(t, e.joined, "second connection")
	must(t, s.Announce(t.Context(), redisstore.Revocation{IdentityID: alice}))
	next(t, e.heard, "announcement")
	r.Stop()
	if err := next(t, e.left, "loss"); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("left by %v", err)
	}
	r.Restart()
	next(t, e.joined, "connection to the server that came back")
	stop() // while it reads: returns at once, and the test for leaks sees nothing
}

// A server that is silent while the connection stands is noticed.
func TestListenToSilence(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	s := newStoreAt(t, r.URL(), 200*time.Millisecond)
	e, stop := listen(t, s)
	next(t, e.joined, "connection")
	r.Pause()
	if err := next(t, e.left, "loss"); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("left by %v", err)
	}
	r.Resume()
	next(t, e.joined, "connection to the server that speaks again")
	r.Pause()
	stop() // also while nothing comes
	r.Resume()
}

// Whoever may not subscribe hears nothing and goes on trying.
func TestListenWithoutPermission(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	client := newClient(t, r.URL())
	must(t, client.Do(t.Context(), "ACL", "SETUSER", "default", "resetchannels").Err())
	s := newStoreAt(t, r.URL(), patient)
	e, _ := listen(t, s)
	for range 2 {
		if err := next(t, e.left, "refusal"); identity.ReasonOf(err) != "store_auth" {
			t.Errorf("left by %v, reason %s", err, identity.ReasonOf(err))
		}
	}
	if err := s.Announce(t.Context(), redisstore.Revocation{IdentityID: alice}); identity.ReasonOf(err) != "store_auth" {
		t.Errorf("announcing gave %v", err)
	}
	must(t, client.Do(t.Context(), "ACL", "SETUSER", "default", "allchannels").Err())
	next(t, e.joined, "connection")
}
