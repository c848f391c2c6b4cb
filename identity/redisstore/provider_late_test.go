//go:build unix

package redisstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// errUnconfirmed stands for that reason.
var errUnconfirmed = errors.New("store_unconfirmed")

// revoke ends Alice's credentials and takes nothing away.
func revoke(r *repairTest) error {
	err := r.OpenReset(r.Context(), alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: time.Now(), ExpiresAt: soon()})
	if err != nil {
		return err
	}
	return r.FinishReset(r.Context(), alice, someHash, entry("new"), soon(), nil)
}

// TestAddProviderIsLate: what happens between the commands of an addition. The
// scripts are the note and the commit.
func TestAddProviderIsLate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script int
		do     func(r *repairTest) error
		want   error
		owner  string
	}{
		"the same was added, before the note": {1, func(r *repairTest) error { return r.AddProvider(r.Context(), alice, google("1234"), anytime) }, nil, alice},
		"another was added, before the note":  {1, func(r *repairTest) error { return r.AddProvider(r.Context(), alice, google("5678"), anytime) }, identity.ErrLinked, ""},
		"others got it, before the note":      {1, func(r *repairTest) error { return r.AddProvider(r.Context(), bob, google("1234"), anytime) }, identity.ErrExists, bob},
		"a revocation, before the note":       {1, revoke, identity.ErrStale, ""},
		"a revocation, before the commit":     {2, revoke, identity.ErrStale, ""},
		"completed, before the commit":        {2, func(r *repairTest) error { _, err := r.Identity(r.Context(), alice); return err }, nil, alice},
		"completed and removed, before the commit": {2, func(r *repairTest) error {
			return r.RemoveProvider(r.Context(), alice, "google", soon())
		}, errUnconfirmed, ""}, // what was removed stays so
		"the identity was deleted, before the commit": {2, func(r *repairTest) error {
			_, err := r.Unlink(r.Context(), "customer", "cus_1", soon())
			return err
		}, identity.ErrNotFound, ""},
		"deleted and made anew, before the commit": {2, func(r *repairTest) error {
			if _, err := r.Unlink(r.Context(), "customer", "cus_1", soon()); err != nil {
				return err
			}
			if err := r.Create(r.Context(), someone()); err != nil {
				return err
			}
			return r.AddProvider(r.Context(), bob, google("1234"), anytime)
		}, errUnconfirmed, bob},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newProviderTest(t)
			s := r.interrupted(test.script, func() { must(t, test.do(&repairTest{t, r.Store, r.server, r.faults, r.raw})) })
			before, err := r.Identity(t.Context(), alice)
			must(t, err)
			validFrom := anytime
			if test.want == identity.ErrStale {
				validFrom = before.ValidFrom
			}
			err = s.AddProvider(t.Context(), alice, google("1234"), validFrom)
			if unconfirmed := identity.ReasonOf(err) == "store_unconfirmed"; unconfirmed != (test.want == errUnconfirmed) || !unconfirmed && !errors.Is(err, test.want) {
				t.Errorf("adding gave %v, want %v", err, test.want)
			}
			switch test.owner {
			case "":
				if i, err := r.Find(t.Context(), "google", "1234"); !errors.Is(err, identity.ErrNotFound) {
					t.Errorf("found %v, %v", i, err)
				}
			case alice:
				r.owner(alice, bob)
			case bob:
				r.owner(bob, alice)
			}
		})
	}
}

// TestAbortOfAdditionIsLate: the key was taken, but is free when somebody else
// looks, who completes the addition.
func TestAbortOfAdditionIsLate(t *testing.T) {
	t.Parallel()
	r := newProviderTest(t)
	must(t, r.AddProvider(t.Context(), bob, google("1234"), anytime))
	s := r.interrupted(2, func() {
		must(t, r.RemoveProvider(t.Context(), bob, "google", soon()))
		_, err := r.Identity(t.Context(), alice)
		must(t, err)
	})
	must(t, s.AddProvider(t.Context(), alice, google("1234"), anytime))
	r.owner(alice, bob)
}

// TestReleaseIsLate: the index key of an entry that was removed is deleted after
// the same was added again, which must not set it free.
func TestReleaseIsLate(t *testing.T) {
	t.Parallel()
	r := newProviderTest(t)
	must(t, r.AddProvider(t.Context(), alice, google("1234"), anytime))
	s := r.interrupted(2, func() { must(t, r.AddProvider(t.Context(), alice, google("1234"), anytime)) })
	must(t, s.RemoveProvider(t.Context(), alice, "google", soon()))
	r.owner(alice, bob)
}

// TestReadersReleaseIsLate: a reader that met the removed entry's index key does
// not set free what was added since.
func TestReadersReleaseIsLate(t *testing.T) {
	t.Parallel()
	r := newProviderTest(t)
	must(t, r.AddProvider(t.Context(), alice, google("1234"), anytime))
	// Removed, but its index key could not be deleted: HGETALL, EVALSHA, EVALSHA.
	r.faults.Arm(2, identitytest.Fault{Down: true})
	must(t, r.RemoveProvider(t.Context(), alice, "google", soon()))
	if r.faults.Disarm(); !r.server.Exists(subjectKey) {
		t.Fatal("the index key is gone")
	}
	s := r.interrupted(1, func() { must(t, r.AddProvider(t.Context(), alice, google("1234"), anytime)) })
	if _, err := s.Find(t.Context(), "google", "1234"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("finding gave %v", err)
	}
	r.owner(alice, bob)
}
