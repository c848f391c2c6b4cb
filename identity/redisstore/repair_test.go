//go:build unix

package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

const (
	aliceKey = "auth:id:{" + alice + "}"
	bob      = "authid_01M7ZGFXCPEBDV33HJKCJAF3EF"
)

var addressKey = "auth:px:emailpass:" + sha(address)

// repairTest is a store on a server whose content can be changed behind it.
type repairTest struct {
	*testing.T
	*redisstore.Store
	server *miniredis.Miniredis
	faults *identitytest.Faults
	raw    redis.UniversalClient
}

func newRepairTest(t *testing.T) *repairTest {
	server := miniredis.RunT(t)
	client, faults := newClient(t, "redis://"+server.Addr()), identitytest.NewFaults()
	client.AddHook(faults)
	s, err := redisstore.New(client, redisstore.Options{Timeout: patient})
	must(t, err)
	return &repairTest{t, s, server, faults, newClient(t, "redis://"+server.Addr())}
}

// free fails the test unless the address is free, and left no trace.
func (t *repairTest) free() {
	t.Helper()
	if _, err := t.Find(t.Context(), "emailpass", address); !errors.Is(err, identity.ErrNotFound) {
		t.Fatalf("finding gave %v, want %v", err, identity.ErrNotFound)
	}
	if t.server.Exists(addressKey) {
		t.Error("the index key is still there")
	}
	must(t, t.Create(t.Context(), someone()))
}

// diesAfter creates an identity until after the nth command.
func (t *repairTest) diesAfter(n int) {
	t.Helper()
	t.faults.Arm(n, identitytest.Fault{Lost: true, Down: true})
	if err := t.Create(t.Context(), someone()); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Fatalf("creating gave %v", err)
	}
	t.faults.Disarm()
}

// The commands of a creation on a warm server: EVALSHA of the record, SETNX and
// GET of the index, SADD of the actor, EVALSHA of the commit.
const (
	recordWritten  = 0
	addressClaimed = 1
)

func TestPendingGoesByItself(t *testing.T) {
	t.Parallel()
	for _, step := range []int{recordWritten, addressClaimed} {
		r := newRepairTest(t)
		r.warm()
		r.diesAfter(step)
		if !r.server.Exists(aliceKey) {
			t.Fatalf("command %d does not write the record", step)
		}
		r.server.FastForward(time.Minute)
		if r.server.Exists(aliceKey) {
			t.Error("a record that is not complete stays")
		}
		r.free()
	}
}

func TestPendingIsCompleted(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(t *repairTest) error{
		"Find":     func(t *repairTest) error { _, err := t.Find(t.Context(), "emailpass", address); return err },
		"Identity": func(t *repairTest) error { _, err := t.Identity(t.Context(), alice); return err },
		"State":    func(t *repairTest) error { _, err := t.State(t.Context(), alice); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepairTest(t)
			r.warm()
			r.diesAfter(addressClaimed)
			must(t, read(r))
			r.server.FastForward(time.Hour)
			must(t, read(r))
			if pending := r.server.HGet(aliceKey, "pending"); pending != "" {
				t.Error("it is still marked")
			}
			if id, err := r.Unlink(t.Context(), "customer", "cus_1", soon()); id != alice {
				t.Errorf("its actor is linked to %q, %v", id, err)
			}
		})
	}
}

// TestPendingLoses: completing must not take a key from an identity that exists.
func TestPendingLoses(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	r.warm()
	r.diesAfter(recordWritten)
	other := someone()
	other.ID = bob
	must(t, r.Create(t.Context(), other))
	for name, read := range map[string]func() error{
		"Identity": func() error { _, err := r.Identity(t.Context(), alice); return err },
		"State":    func() error { _, err := r.State(t.Context(), alice); return err },
	} {
		if err := read(); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%s: got %v, want %v", name, err, identity.ErrNotFound)
		}
	}
	if i, err := r.Find(t.Context(), "emailpass", address); err != nil || i.ID != bob {
		t.Errorf("found %v, %v", i, err)
	}
}

func TestDangling(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *repairTest){
		"the record is gone":              func(t *repairTest) { t.server.Del(aliceKey) },
		"the record is of another time":   func(t *repairTest) { t.server.HSet(aliceKey, "claim", "anotherA") },
		"the record has another key":      func(t *repairTest) { t.server.HSet(aliceKey, "pi:emailpass", `{"entity_id":"b","key":"b"}`) },
		"the record has another provider": func(t *repairTest) { t.server.HDel(aliceKey, "pi:emailpass") },
	} {
		for _, first := range []string{"Find", "Create"} {
			t.Run(name+", "+first, func(t *testing.T) {
				t.Parallel()
				r := newRepairTest(t)
				must(t, r.Create(t.Context(), someone()))
				spoil(r)
				if first == "Find" {
					if _, err := r.Find(t.Context(), "emailpass", "free", address, "free as well"); !errors.Is(err, identity.ErrNotFound) {
						t.Fatalf("finding gave %v, want %v", err, identity.ErrNotFound)
					}
					if r.server.Exists(addressKey) {
						t.Error("the index key is still there")
					}
				}
				other := someone()
				other.ID = bob
				must(t, r.Create(t.Context(), other))
				if i, err := r.Find(t.Context(), "emailpass", address); err != nil || i.ID != bob {
					t.Errorf("found %v, %v", i, err)
				}
			})
		}
	}
}

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

// warm lets the server learn the scripts, and leaves nothing.
func (t *repairTest) warm() {
	t.Helper()
	must(t, t.Create(t.Context(), someone()))
	t.server.Del(aliceKey)
	if _, err := t.Find(t.Context(), "emailpass", address); !errors.Is(err, identity.ErrNotFound) {
		t.Fatal(err)
	}
	for _, key := range t.server.Keys() {
		t.server.Del(key)
	}
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

// TestChainOfPending: each of many creations that died holds a key that the one
// before it wants too. One reader does not follow the chain for ever, and several
// get to the end of it.
func TestChainOfPending(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	const links = 12
	id := func(n int) string { return fmt.Sprintf("authid_%d", n) }
	for n := range links {
		a, b := strconv.Itoa(n/2), strconv.Itoa((n+1)/2) // a is the next one's as well, then b, and so on
		r.server.HSet("auth:id:{"+id(n)+"}", "v", "1", "rev", "1", "valid_from", "0", "created_at", "0", "updated_at", "0",
			"claim", "c", "pending", "1", "pi:a", `{"entity_id":"x","key":"`+a+`"}`, "pi:b", `{"entity_id":"x","key":"`+b+`"}`)
		must(t, r.server.Set("auth:px:a:"+sha(a), id(n)+":c"))
		must(t, r.server.Set("auth:px:b:"+sha(b), id(n)+":c"))
	}
	if _, err := r.Identity(t.Context(), id(0)); identity.ReasonOf(err) != "store_contended" {
		t.Errorf("reading the first gave %v, reason %s", err, identity.ReasonOf(err))
	}
	for undecided, pass := links, 0; undecided > 0; pass++ {
		undecided = 0
		for n := range links {
			switch _, err := r.Identity(t.Context(), id(n)); {
			case identity.ReasonOf(err) == "store_contended":
				undecided++
			case err != nil && !errors.Is(err, identity.ErrNotFound):
				t.Fatal(err)
			}
		}
		if pass == links {
			t.Fatalf("%d are still undecided", undecided)
		}
	}
}

func TestUnlinkDeletesTheIndex(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	must(t, r.Create(t.Context(), someone()))
	must(t, r.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: time.Now(), ExpiresAt: soon()}))
	if _, err := r.Unlink(t.Context(), "customer", "cus_1", soon()); err != nil {
		t.Fatal(err)
	}
	if keys := r.server.Keys(); len(keys) != 1 || keys[0] != "auth:meta" {
		t.Errorf("left are %q", keys)
	}
}

// TestRefusedLeavesNothing: neither the record nor a key that was claimed before
// the one that is taken.
func TestRefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	must(t, r.Create(t.Context(), someone()))
	before := r.server.Dump()
	for _, provider := range []string{"a", "b", "c", "d", "e", "f"} { // some of them before, some after
		other := someone()
		other.ID = bob
		other.Providers[provider] = entry("")
		if err := r.Create(t.Context(), other); !errors.Is(err, identity.ErrExists) {
			t.Fatalf("creating gave %v", err)
		}
	}
	if after := r.server.Dump(); after != before {
		t.Errorf("there is\n%s\nwas\n%s", after, before)
	}
}

// TestFinishResetOfNobody: a reset that outlives its identity must not leave
// half a record.
func TestFinishResetOfNobody(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	must(t, r.Create(t.Context(), someone()))
	must(t, r.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: time.Now(), ExpiresAt: soon()}))
	r.server.Del(aliceKey)
	if err := r.FinishReset(t.Context(), alice, someHash, entry("new"), soon()); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("finishing gave %v, want %v", err, identity.ErrNotFound)
	}
	if r.server.Exists(aliceKey) {
		t.Error("there is a record")
	}
}

// TestUsedResetIsRemembered at least as long as its token is good.
func TestUsedResetIsRemembered(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(r *repairTest) error{
		"CloseReset":  func(r *repairTest) error { return r.CloseReset(r.Context(), alice, "emailpass", someHash) },
		"FinishReset": func(r *repairTest) error { return r.FinishReset(r.Context(), alice, someHash, entry("new"), soon()) },
	} {
		r := newRepairTest(t)
		must(t, r.Create(t.Context(), someone()))
		must(t, r.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: time.Now(), ExpiresAt: time.Now().Add(15 * time.Minute)}))
		must(t, use(r))
		r.server.FastForward(15 * time.Minute)
		if !r.server.Exists(aliceKey + ":rst:emailpass") {
			t.Errorf("%s: it is forgotten", name)
		}
		r.server.FastForward(5 * time.Minute)
		if r.server.Exists(aliceKey + ":rst:emailpass") {
			t.Errorf("%s: it stays for ever", name)
		}
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
