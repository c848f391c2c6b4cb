//go:build unix

package redisstore_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// cutter is a way to a server that can be cut after a command went through and
// before its reply comes back.
type cutter struct {
	url string
	cut atomic.Int64 // how many more replies get lost
}

func newCutter(t *testing.T, r *identitytest.Redis) *cutter {
	t.Helper()
	c := &cutter{}
	p := newPeer(t, func(ctx context.Context, near net.Conn) {
		far, err := net.Dial("tcp4", r.Addr())
		if err != nil {
			return
		}
		defer far.Close()
		defer context.AfterFunc(ctx, func() { _ = near.Close() })()
		go func() {
			_, _ = io.Copy(far, near)
			_ = far.Close()
		}()
		reply := make([]byte, 64<<10)
		for {
			n, err := far.Read(reply)
			if err != nil || c.cut.Add(-1) >= 0 {
				return
			}
			if _, err := near.Write(reply[:n]); err != nil {
				return
			}
		}
	})
	c.url = p.url
	return c
}

// TestLostReply: the client repeats what it got no reply to. A script that was
// carried out must not be told by its own traces that it came too late.
func TestLostReply(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	way := newCutter(t, r)
	cut, err := redisstore.New(newClient(t, way.url), redisstore.Options{Timeout: patient})
	must(t, err)
	s, err := redisstore.New(newClient(t, r.URL()), redisstore.Options{Timeout: patient})
	must(t, err)
	client := newClient(t, r.URL())
	for name, call := range aliceCalls(cut) {
		for lost := int64(1); lost <= 2; lost++ {
			must(t, client.FlushDB(t.Context()).Err())
			must(t, s.Create(t.Context(), someone()))
			must(t, s.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: time.Now(), ExpiresAt: soon()}))
			must(t, s.SaveSession(t.Context(), someSID, []byte("a"), time.Hour))
			must(t, cut.SaveSession(t.Context(), "warm", []byte("a"), time.Hour))
			if name == "Create" { // of somebody that does not exist
				if _, err := s.Unlink(t.Context(), "customer", "cus_1", soon()); err != nil {
					t.Fatal(err)
				}
			}
			way.cut.Store(lost)
			err := call(t.Context())
			way.cut.Store(0)
			if err != nil && identity.CodeOf(err) != identity.CodeUnavailable {
				t.Errorf("%s, %d lost: got %v, want success or %s", name, lost, err, identity.CodeUnavailable)
			}
			if lost == 1 && err != nil && reads[name] {
				t.Errorf("%s: got %v, want another attempt", name, err)
			}
			if err != nil && identity.ReasonOf(err) != "store_disconnected" {
				t.Errorf("%s: reason %s of %v", name, identity.ReasonOf(err), err)
			}
		}
	}
}

// TestLostReplyOfReset: the person is asked to try again, and the password is
// changed.
func TestLostReplyOfReset(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	way := newCutter(t, r)
	s, err := redisstore.New(newClient(t, way.url), redisstore.Options{Timeout: patient})
	must(t, err)
	must(t, s.Create(t.Context(), someone()))
	for n, hash := range []string{strings.Repeat("0", 64), strings.Repeat("1", 64)} { // first EVALSHA fails, then EVAL is carried out
		must(t, s.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: hash, AskedAt: time.Now().Add(time.Duration(n) * time.Second), ExpiresAt: soon()}))
		if n == 0 {
			must(t, s.FinishReset(t.Context(), alice, hash, entry("0"), soon()))
			continue
		}
		way.cut.Store(1)
		if err := s.FinishReset(t.Context(), alice, hash, entry("1"), soon()); identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("finishing gave %v", err)
		}
		way.cut.Store(0)
		i, err := s.Identity(t.Context(), alice)
		must(t, err)
		if got := i.Providers["emailpass"].Credential.Reveal(); got != "1" {
			t.Errorf("the credential is %q", got)
		}
	}
}
