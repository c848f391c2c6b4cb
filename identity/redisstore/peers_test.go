//go:build unix

package redisstore_test

import (
	"context"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// peer is something that listens where Redis should.
type peer struct {
	url      string
	accepted atomic.Int64
}

// newPeer listens and hands each connection to serve, which ends with the test.
func newPeer(t *testing.T, serve func(ctx context.Context, c net.Conn)) *peer {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	p := &peer{url: "redis://" + l.Addr().String()}
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.accepted.Add(1)
			go func() {
				defer c.Close()
				serve(ctx, c)
			}()
		}
	}()
	return p
}

func silent(ctx context.Context, _ net.Conn) { <-ctx.Done() }

// slowly answers with a line that never ends, a byte at a time.
func slowly(ctx context.Context, c net.Conn) {
	for line := "+"; ctx.Err() == nil; line = "a" {
		if _, err := c.Write([]byte(line)); err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestClientDoesNotConnectByItself(t *testing.T) {
	t.Parallel()
	p := newPeer(t, silent)
	c, err := redisstore.NewClient(redisstore.ClientOptions{URL: identity.NewSecret(p.url), Timeout: 50 * time.Millisecond})
	must(t, err)
	s, err := redisstore.New(c, redisstore.Options{Timeout: 50 * time.Millisecond})
	must(t, err)
	// A connection made in the background would have been accepted before this one.
	_, _ = s.Identity(t.Context(), alice)
	for p.accepted.Load() == 0 {
		runtime.Gosched()
	}
	if n := p.accepted.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	must(t, c.Close())
}

// TestUnresponsivePeers: whatever does not answer, the operation ends in time.
// The bound of the test is generous, only a wait without end reaches it.
func TestUnresponsivePeers(t *testing.T) {
	t.Parallel()
	refusing, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	must(t, refusing.Close())
	quiet, slow := newPeer(t, silent).url, newPeer(t, slowly).url
	hangsUp := newPeer(t, func(context.Context, net.Conn) {}).url
	// Those that never answer show in a moment; for the others only the answer
	// counts, on however busy a machine.
	const moment = 100 * time.Millisecond
	for name, test := range map[string]struct {
		url     string
		timeout time.Duration
		reason  string
	}{
		"silent":                {quiet, moment, "store_timeout"},
		"silent, with password": {strings.Replace(quiet, "//", "//:hunter2@", 1), moment, "store_timeout"},
		"silent, with TLS":      {strings.Replace(quiet, "redis", "rediss", 1), moment, "store_timeout"},
		"slow":                  {slow, moment, "store_timeout"},
		"refuses":               {"redis://" + refusing.Addr().String(), patient, "store_refused"},
		"no socket":             {"unix://" + filepath.Join(t.TempDir(), "none.sock"), patient, "store_refused"},
		"hangs up":              {hangsUp, patient, "store_disconnected"},
		"speaks no TLS":         {strings.Replace(slow, "redis", "rediss", 1), patient, "store_tls"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := redisstore.NewClient(redisstore.ClientOptions{URL: identity.NewSecret(test.url), Timeout: test.timeout})
			must(t, err)
			defer c.Close()
			s, err := redisstore.New(c, redisstore.Options{Timeout: test.timeout})
			must(t, err)
			inTime(t, func() { allUnavailable(t, s, false, test.reason) })
		})
	}
}

// inTime fails the test when f hangs.
func inTime(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(2 * patient):
		t.Error("it hangs")
		<-done
	}
}

// TestTimeoutIsOfTheStore: a client that others made may wait for ever.
func TestTimeoutIsOfTheStore(t *testing.T) {
	t.Parallel()
	p := newPeer(t, silent)
	c := redis.NewClient(&redis.Options{
		Addr: strings.TrimPrefix(p.url, "redis://"), ContextTimeoutEnabled: true, DialTimeout: time.Hour, ReadTimeout: time.Hour, PoolTimeout: time.Hour,
	})
	defer c.Close()
	s, err := redisstore.New(c, redisstore.Options{Timeout: 50 * time.Millisecond})
	must(t, err)
	inTime(t, func() { allUnavailable(t, s, false, "store_timeout") })
}
