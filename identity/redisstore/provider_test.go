//go:build unix

package redisstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

var subjectKey = "auth:px:google:" + sha("1234")

// newProviderTest is a repairTest with Alice and Bob on a server that knows the
// scripts.
func newProviderTest(t *testing.T) *repairTest {
	t.Helper()
	r := newRepairTest(t)
	r.warm()
	bobby := someone()
	bobby.ID, bobby.AppMetadata, bobby.Providers["emailpass"] = bob, nil, identity.ProviderIdentity{Provider: "emailpass", EntityID: "b", Key: "b"}
	must(t, r.Create(t.Context(), bobby))
	must(t, r.Create(t.Context(), someone()))
	must(t, r.AddProvider(t.Context(), alice, google("1234"), anytime))
	if err := r.AddProvider(t.Context(), bob, google("1234"), anytime); !errors.Is(err, identity.ErrExists) {
		t.Fatal(err)
	}
	must(t, r.RemoveProvider(t.Context(), alice, "google", soon()))
	if r.server.Exists(subjectKey) {
		t.Fatal("the index key is still there")
	}
	return r
}

// owner fails the test unless the subject is that of the one and not of the other.
func (t *repairTest) owner(id, other string) {
	t.Helper()
	if i, err := t.Find(t.Context(), "google", "1234"); err != nil || i.ID != id {
		t.Errorf("found %v, %v, want %s", i, err, id)
	}
	i, err := t.Identity(t.Context(), other)
	must(t, err)
	if _, has := i.Providers["google"]; has {
		t.Errorf("%s has it as well", other)
	}
	if err := t.AddProvider(t.Context(), other, google("1234"), anytime); !errors.Is(err, identity.ErrExists) {
		t.Errorf("adding it to %s gave %v", other, err)
	}
}

func TestAddedRecord(t *testing.T) {
	t.Parallel()
	r := newProviderTest(t)
	must(t, r.AddProvider(t.Context(), alice, google("1234"), anytime))
	claim := r.server.HGet(aliceKey, "claim:google")
	if holder, _ := r.server.Get(subjectKey); holder != alice+":"+claim || len(claim) != 8 || claim == r.server.HGet(aliceKey, "claim") {
		t.Errorf("the index key holds %q, the claim is %q", holder, claim)
	}
	if got := r.server.HGet(aliceKey, "pi:google"); got != `{"entity_id":"1234","key":"1234","verified_email":"alice@mail.example"}` {
		t.Errorf("stored is %s", got)
	}
	if note := r.server.HGet(aliceKey, "add:google"); note != "" {
		t.Errorf("the note is still there: %s", note)
	}
	must(t, r.RemoveProvider(t.Context(), alice, "google", soon()))
	if fields, err := r.server.HKeys(aliceKey); err != nil || len(fields) != 8 {
		t.Errorf("left are %q, %v", fields, err)
	}
}

// TestDroppedRecord: a reset that drops an entry, or what is to become one, leaves
// no trace of it.
func TestDroppedRecord(t *testing.T) {
	t.Parallel()
	for _, half := range []bool{false, true} {
		r := newProviderTest(t)
		if half {
			r.diesAdding(subjectClaimed)
		} else {
			must(t, r.AddProvider(t.Context(), alice, google("1234"), anytime))
		}
		must(t, r.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: time.Now(), ExpiresAt: soon()}))
		must(t, r.FinishReset(t.Context(), alice, someHash, entry("new"), soon(), func(identity.ProviderIdentity) bool { return true }))
		if fields, err := r.server.HKeys(aliceKey); err != nil || len(fields) != 8 {
			t.Errorf("half: %v: left are %q, %v", half, fields, err)
		}
		if r.server.Exists(subjectKey) {
			t.Errorf("half: %v: the index key is still there", half)
		}
	}
}

// The commands of an addition on a warm server: HGETALL, EVALSHA of the note,
// SETNX and GET of the index, EVALSHA of the commit.
const (
	noted          = 1
	subjectClaimed = 2
)

func (t *repairTest) diesAdding(n int) {
	t.Helper()
	t.faults.Arm(n, identitytest.Fault{Lost: true, Down: true})
	if err := t.AddProvider(t.Context(), alice, google("1234"), anytime); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Fatalf("adding gave %v", err)
	}
	t.faults.Disarm()
	if t.server.HGet(aliceKey, "add:google") == "" || t.server.Exists(subjectKey) != (n >= subjectClaimed) {
		t.Fatalf("command %d is another one", n)
	}
}

// TestAdditionIsSettled by whoever meets it, and leaves nothing but its outcome.
func TestAdditionIsSettled(t *testing.T) {
	t.Parallel()
	for name, read := range map[string]func(t *repairTest) error{
		"Identity":         func(t *repairTest) error { _, err := t.Identity(t.Context(), alice); return err },
		"Find by another":  func(t *repairTest) error { _, err := t.Find(t.Context(), "emailpass", address); return err },
		"AddProvider":      func(t *repairTest) error { return t.AddProvider(t.Context(), alice, google("1234"), anytime) },
		"its index key":    func(t *repairTest) error { _, err := t.Find(t.Context(), "google", "1234"); return err },
		"adding to others": func(t *repairTest) error { return t.AddProvider(t.Context(), bob, google("1234"), anytime) },
	} {
		for _, step := range []int{noted, subjectClaimed} {
			r := newProviderTest(t)
			r.diesAdding(step)
			err := read(r)
			if step == noted && (name == "its index key" || name == "adding to others") { // do not meet it
				continue
			}
			if name == "adding to others" {
				if !errors.Is(err, identity.ErrExists) {
					t.Errorf("%s: got %v", name, err)
				}
			} else {
				must(t, err)
			}
			if r.server.HGet(aliceKey, "add:google") != "" || r.server.HGet(aliceKey, "pi:google") == "" {
				t.Errorf("%s did not settle it", name)
			}
			r.owner(alice, bob)
		}
	}
}

// TestAdditionHoldsNobodyUp: what cannot be decided now does not keep the person
// from the other ways to log in, and is not denied.
func TestAdditionHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	r := newProviderTest(t)
	r.diesAdding(noted)
	_, err := r.server.SAdd(subjectKey, "a") // unreadable
	must(t, err)
	if i, err := r.Find(t.Context(), "emailpass", address); err != nil || len(i.Providers) != 1 {
		t.Errorf("found %v, %v", i, err)
	}
	if i, err := r.Identity(t.Context(), alice); err != nil || len(i.Providers) != 1 {
		t.Errorf("read %v, %v", i, err)
	}
	for name, call := range map[string]func() error{
		"Find":           func() error { _, err := r.Find(t.Context(), "google", "1234"); return err },
		"AddProvider":    func() error { return r.AddProvider(t.Context(), alice, google("1234"), anytime) },
		"RemoveProvider": func() error { return r.RemoveProvider(t.Context(), alice, "google", soon()) },
	} {
		if err := call(); identity.ReasonOf(err) != "store_corrupt" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestAdditionLoses: completing must not take a key from an identity that has it.
func TestAdditionLoses(t *testing.T) {
	t.Parallel()
	r := newProviderTest(t)
	r.diesAdding(noted)
	must(t, r.AddProvider(t.Context(), bob, google("1234"), anytime))
	r.owner(bob, alice)
	if note := r.server.HGet(aliceKey, "add:google"); note != "" {
		t.Errorf("the note is still there: %s", note)
	}
}

// TestAdditionGoesWithTheIdentity: the index key that it claimed is free again.
func TestAdditionGoesWithTheIdentity(t *testing.T) {
	t.Parallel()
	r := newProviderTest(t)
	r.diesAdding(subjectClaimed)
	if _, err := r.Unlink(t.Context(), "customer", "cus_1", soon()); err != nil {
		t.Fatal(err)
	}
	if r.server.Exists(subjectKey) || r.server.Exists(addressKey) {
		t.Errorf("left are %q", r.server.Keys())
	}
}

// TestAdditionIsCompletedOnce: several nodes complete what one could not.
func TestAdditionIsCompletedOnce(t *testing.T) {
	t.Parallel()
	r := newProviderTest(t)
	before := r.server.HGet(aliceKey, "rev")
	r.diesAdding(subjectClaimed)
	errs := make(chan error)
	for range 20 {
		s, err := redisstore.New(r.raw, redisstore.Options{Timeout: patient})
		must(t, err)
		go func() { _, err := s.Find(t.Context(), "google", "1234"); errs <- err }()
	}
	for range 20 {
		must(t, <-errs)
	}
	if after := r.server.HGet(aliceKey, "rev"); before != "3" || after != "4" {
		t.Errorf("revision %s, was %s", after, before)
	}
	r.owner(alice, bob)
}
