//go:build unix

package redisstore_test

import (
	"errors"
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
	*identitytest.Relay
	left atomic.Int64 // replies until the one that gets lost
}

const never = 1 << 40

// lose lets the nth reply from now on get lost, counted from 1.
func (c *cutter) lose(n int64) { c.left.Store(n) }

// keep lets no reply get lost any more, and reports whether one did.
func (c *cutter) keep() (lost bool) { return c.left.Swap(never) <= 0 }

func newCutter(t *testing.T, r *identitytest.Redis) *cutter {
	t.Helper()
	c := &cutter{Relay: identitytest.StartRelay(t, r.Addr())}
	c.keep()
	c.Set(func([]string) identitytest.Fate {
		if c.left.Add(-1) == 0 {
			return identitytest.Fate{Reset: identitytest.BeforeReply}
		}
		return identitytest.Fate{}
	})
	return c
}

// TestLostReply: the client repeats what it got no reply to. A script that was
// carried out must not be told by its own traces that it came too late.
func TestLostReply(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	way := newCutter(t, r)
	cut, err := redisstore.New(newClient(t, way.URL()), redisstore.Options{Timeout: patient})
	must(t, err)
	s, err := redisstore.New(newClient(t, r.URL()), redisstore.Options{Timeout: patient})
	must(t, err)
	client := newClient(t, r.URL())
	for name := range aliceCalls(cut) {
		for n, lost := int64(0), true; lost; n++ { // at 0 none, and the server learns the scripts
			must(t, client.FlushDB(t.Context()).Err())
			if name != "Create" {
				must(t, s.Create(t.Context(), someone()))
				addMore(t, s)
			}
			must(t, cut.SaveSession(t.Context(), "warm", []byte("a"), time.Hour))
			if n > 0 {
				way.lose(n)
			}
			err := aliceCalls(cut)[name](t.Context())
			lost = way.keep() || n == 0
			if err != nil && (identity.CodeOf(err) != identity.CodeUnavailable || identity.ReasonOf(err) != "store_disconnected") {
				t.Errorf("%s, reply %d lost: got %v, reason %s", name, n, err, identity.ReasonOf(err))
			}
			if err != nil && (reads[name] || name == "KeepAttempt" || name == "MarkRecent" || !lost || n == 0) {
				t.Errorf("%s, reply %d lost: got %v, want another attempt", name, n, err)
			}
		}
	}
}

// TestLostReplyOfReset: the person is asked to try again, and the password is
// changed.
func TestLostReplyOfReset(t *testing.T) {
	t.Parallel()
	for reply, drop := range map[int64]func(identity.ProviderIdentity) bool{
		1: nil,
		2: func(identity.ProviderIdentity) bool { return true }, // that of the reading comes first
	} {
		lostReplyOfReset(t, reply, drop)
	}
}

func lostReplyOfReset(t *testing.T, reply int64, drop func(identity.ProviderIdentity) bool) {
	r := identitytest.StartRedis(t)
	way := newCutter(t, r)
	s, err := redisstore.New(newClient(t, way.URL()), redisstore.Options{Timeout: patient})
	must(t, err)
	must(t, s.Create(t.Context(), someone()))
	must(t, s.AddProvider(t.Context(), alice, google("1234"), anytime))
	for n, hash := range []string{strings.Repeat("0", 64), strings.Repeat("1", 64)} { // first EVALSHA fails, then EVAL is carried out
		must(t, s.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: hash, AskedAt: time.Now().Add(time.Duration(n) * time.Second), ExpiresAt: soon()}))
		if n == 0 {
			must(t, s.FinishReset(t.Context(), alice, hash, entry("0"), soon(), nil))
			continue
		}
		way.lose(reply)
		if err := s.FinishReset(t.Context(), alice, hash, entry("1"), soon(), drop); identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("finishing gave %v", err)
		}
		way.keep()
		i, err := s.Identity(t.Context(), alice)
		must(t, err)
		if got := i.Providers["emailpass"].Credential.Reveal(); got != "1" {
			t.Errorf("the credential is %q", got)
		}
		if _, has := i.Providers["google"]; has != (drop == nil) {
			t.Errorf("read %+v", i)
		}
	}
}

// TestTakenAttemptIsNotDenied: its reply is lost, and the client's own repetition
// would find nothing.
func TestTakenAttemptIsNotDenied(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	way := newCutter(t, r)
	s, err := redisstore.New(newClient(t, way.URL()), redisstore.Options{Timeout: patient})
	must(t, err)
	must(t, s.KeepAttempt(t.Context(), someHash, someAttempt()))
	way.lose(1)
	if a, err := s.TakeAttempt(t.Context(), someHash); identity.CodeOf(err) != identity.CodeUnavailable || a.Provider != "" {
		t.Errorf("taking gave %+v, %v", a, err)
	}
	if !way.keep() {
		t.Error("nothing got lost")
	}
	if _, err := s.TakeAttempt(t.Context(), someHash); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("taking again gave %v", err)
	}
	a := someAttempt()
	way.lose(1)
	must(t, s.KeepAttempt(t.Context(), someHash, a))
	if !way.keep() {
		t.Error("nothing got lost")
	}
	a.ExpiresAt = a.ExpiresAt.Add(time.Second)
	if err := s.KeepAttempt(t.Context(), someHash, a); !errors.Is(err, identity.ErrExists) {
		t.Errorf("keeping another gave %v", err)
	}
}
