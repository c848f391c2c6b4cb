//go:build unix

package redisstore_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// The tests of this file let something else happen between two commands of an
// operation.

// before is a hook that does something once, before the nth script. Scripts are
// known to the server, so that each is one command.
type before struct {
	n  int
	do func()
}

func (b *before) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (b *before) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			if b.n--; b.n == 0 {
				b.do()
			}
		}
		return next(ctx, cmd)
	}
}

func (b *before) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { return next(ctx, cmds) }
}

// interrupted is a second store on the same server, that does something before
// its nth script.
func (t *repairTest) interrupted(n int, do func()) *redisstore.Store {
	t.Helper()
	client := newClient(t, "redis://"+t.server.Addr())
	client.AddHook(&before{n, do})
	s, err := redisstore.New(client, redisstore.Options{Timeout: patient})
	must(t, err)
	return s
}

// TestDeletionOfDanglingIsLate: between reading that a record is gone and
// deleting its index key, the same id may be created anew.
func TestDeletionOfDanglingIsLate(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	r.warm()
	must(t, r.Create(t.Context(), someone()))
	r.server.Del(aliceKey)
	s := r.interrupted(1, func() { must(t, r.Create(t.Context(), someone())) })
	if _, err := s.Find(t.Context(), "emailpass", address); !errors.Is(err, identity.ErrNotFound) {
		t.Fatalf("finding gave %v", err)
	}
	if i, err := r.Find(t.Context(), "emailpass", address); err != nil || i.ID != alice {
		t.Errorf("the new identity is not found: %v, %v", i, err)
	}
}

func TestCommitIsLate(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	r.warm()
	s := r.interrupted(2, func() { r.server.FastForward(time.Minute) })
	err := s.Create(t.Context(), someone())
	if identity.CodeOf(err) != identity.CodeUnavailable || identity.ReasonOf(err) != "store_unconfirmed" {
		t.Errorf("creating gave %v, reason %s", err, identity.ReasonOf(err))
	}
	if r.server.Exists(addressKey) {
		t.Error("the index key is still there")
	}
	r.free()
}

// TestCommitByAnother: whoever met the record completed it, and the creation is
// none the wiser.
func TestCommitByAnother(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	r.warm()
	s := r.interrupted(2, func() {
		if _, err := r.Find(t.Context(), "emailpass", address); err != nil {
			t.Error(err)
		}
	})
	must(t, s.Create(t.Context(), someone()))
}

// TestAbortIsLate: the key was taken, but is free when somebody else looks, who
// completes the record.
func TestAbortIsLate(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	r.warm()
	other := someone()
	other.ID, other.AppMetadata = bob, identity.Metadata{"customer_id": []byte(`"cus_2"`)}
	must(t, r.Create(t.Context(), other))
	s := r.interrupted(2, func() {
		if _, err := r.Unlink(t.Context(), "customer", "cus_2", soon()); err != nil {
			t.Error(err)
		}
		if _, err := r.Identity(t.Context(), alice); err != nil {
			t.Error(err)
		}
	})
	must(t, s.Create(t.Context(), someone()))
	if i, err := r.Find(t.Context(), "emailpass", address); err != nil || i.ID != alice {
		t.Errorf("found %v, %v", i, err)
	}
}

// TestReplaceIsLate: between reading the credential and replacing it, somebody
// else did.
func TestReplaceIsLate(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	r.warm()
	must(t, r.Create(t.Context(), someone()))
	s := r.interrupted(1, func() { must(t, r.ReplaceCredential(t.Context(), alice, entry("hash"), entry("first"))) })
	if err := s.ReplaceCredential(t.Context(), alice, entry("hash"), entry("second")); !errors.Is(err, identity.ErrStale) {
		t.Errorf("replacing gave %v, want %v", err, identity.ErrStale)
	}
	if i, err := r.Identity(t.Context(), alice); err != nil || i.Providers["emailpass"].Credential.Reveal() != "first" {
		t.Errorf("read %+v, %v", i, err)
	}
}

// TestUnlinkIsLate: between reading the link and removing it, it was removed and
// made anew for another actor.
func TestUnlinkIsLate(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	r.warm()
	i := someone()
	i.AppMetadata["user_id"] = []byte(`"user_1"`)
	must(t, r.Create(t.Context(), i))
	s := r.interrupted(1, func() {
		if _, err := r.Unlink(t.Context(), "customer", "cus_1", soon()); err != nil {
			t.Error(err)
		}
		must(t, r.Link(t.Context(), alice, "customer", "cus_2"))
	})
	if _, err := s.Unlink(t.Context(), "customer", "cus_1", soon()); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("unlinking gave %v, want %v", err, identity.ErrNotFound)
	}
	if i, err := r.Identity(t.Context(), alice); err != nil || i.ActorID("customer") != "cus_2" {
		t.Errorf("read %+v, %v", i, err)
	}
}
