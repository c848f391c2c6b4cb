//go:build unix

package redisstore_test

import (
	"errors"
	"fmt"
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
			if id, err := r.Unlink(t.Context(), "customer", "cus_1", soon()); len(id) != 1 || id[0] != alice {
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
	if err := r.FinishReset(t.Context(), alice, someHash, entry("new"), soon(), nil); !errors.Is(err, identity.ErrNotFound) {
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
		"CloseReset": func(r *repairTest) error { return r.CloseReset(r.Context(), alice, "emailpass", someHash) },
		"FinishReset": func(r *repairTest) error {
			return r.FinishReset(r.Context(), alice, someHash, entry("new"), soon(), nil)
		},
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
