//go:build unix

package redisstore_test

import (
	"errors"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// bareKey is the record of the identity that is nobody, nobodysKey the index key
// that it holds.
const bareKey = "auth:id:{" + bare + "}"

var nobodysKey = "auth:px:google:" + sha("3")

func newBareTest(t *testing.T) *repairTest {
	t.Helper()
	r := newProviderTest(t)
	for range 2 { // the server knows the script then
		must(t, r.Create(t.Context(), nobodyYet()))
		must(t, r.DeleteBare(t.Context(), bare, "google"))
		if r.server.Exists(bareKey) || r.server.Exists(nobodysKey) {
			t.Fatalf("left are %q", r.server.Keys())
		}
	}
	must(t, r.Create(t.Context(), nobodyYet()))
	return r
}

// TestDeleteBareIsLate: what happens between reading the record and deleting it.
func TestDeleteBareIsLate(t *testing.T) {
	t.Parallel()
	again := func(r *repairTest) error {
		if err := r.DeleteBare(r.Context(), bare, "google"); err != nil {
			return err
		}
		return r.Create(r.Context(), nobodyYet())
	}
	for name, test := range map[string]struct {
		do     func(r *repairTest) error
		want   error
		stays  bool
		fields int // of the record that stays
	}{
		"it became a customer":       {func(r *repairTest) error { return r.Link(r.Context(), bare, "customer", "cus_1") }, identity.ErrLinked, true, 8},
		"it got another provider":    {func(r *repairTest) error { return r.AddProvider(r.Context(), bare, github(), anytime) }, identity.ErrLinked, true, 9},
		"it is getting another":      {diesGetting, identity.ErrLinked, true, 9}, // which is completed
		"it was deleted":             {func(r *repairTest) error { return r.DeleteBare(r.Context(), bare, "google") }, identity.ErrNotFound, false, 0},
		"it was deleted, made anew":  {again, identity.ErrNotFound, true, 7},
		"somebody came by it before": {func(r *repairTest) error { _, err := r.Find(r.Context(), "google", "3"); return err }, nil, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newBareTest(t)
			s := r.interrupted(1, func() { must(t, test.do(&repairTest{t, r.Store, r.server, r.faults, r.raw})) })
			if err := s.DeleteBare(t.Context(), bare, "google"); !errors.Is(err, test.want) || identity.CodeOf(err) == identity.CodeUnavailable {
				t.Errorf("deleting gave %v, want %v", err, test.want)
			}
			if r.server.Exists(bareKey) != test.stays || r.server.Exists(nobodysKey) != test.stays {
				t.Errorf("there are %q", r.server.Keys())
			}
			if !test.stays {
				return
			}
			if fields, err := r.server.HKeys(bareKey); err != nil || len(fields) != test.fields {
				t.Errorf("the record has %q, %v", fields, err)
			}
			if i, err := r.Find(t.Context(), "google", "3"); err != nil || i.ID != bare {
				t.Errorf("found %v, %v", i, err)
			}
		})
	}
}

func github() identity.ProviderIdentity {
	p := google("4")
	p.Provider = "github"
	return p
}

// diesGetting notes another provider identity and gets no further.
func diesGetting(r *repairTest) error {
	r.faults.Arm(noted, identitytest.Fault{Lost: true, Down: true})
	if err := r.AddProvider(r.Context(), bare, github(), anytime); identity.CodeOf(err) != identity.CodeUnavailable {
		return errors.New("the addition did not die")
	}
	r.faults.Disarm()
	if r.server.HGet(bareKey, "add:github") == "" {
		return errors.New("it is not noted")
	}
	return nil
}

// TestDeletedBareLeavesItsKey: the index key could not be deleted, and is free
// for whoever meets it.
func TestDeletedBareLeavesItsKey(t *testing.T) {
	t.Parallel()
	r := newBareTest(t)
	r.faults.Arm(1, identitytest.Fault{Lost: true, Down: true}) // HGETALL, EVALSHA, EVALSHA
	if err := r.DeleteBare(t.Context(), bare, "google"); identity.CodeOf(err) != identity.CodeUnavailable {
		t.Fatalf("deleting gave %v", err)
	}
	if r.faults.Disarm(); r.server.Exists(bareKey) || !r.server.Exists(nobodysKey) {
		t.Fatalf("there are %q", r.server.Keys())
	}
	must(t, r.AddProvider(t.Context(), alice, google("3"), anytime))
	if i, err := r.Find(t.Context(), "google", "3"); err != nil || i.ID != alice {
		t.Errorf("found %v, %v", i, err)
	}
}

// TestDeleteBareOfCorrupt: what cannot be read is not nobody.
func TestDeleteBareOfCorrupt(t *testing.T) {
	t.Parallel()
	for field, value := range map[string]string{"v": "2", "pi:google": "{", "app:customer_id": "cus_1", "add:github": "{", "created_at": "now"} {
		r := newBareTest(t)
		r.server.HSet(bareKey, field, value)
		before := r.server.Dump()
		if err := r.DeleteBare(t.Context(), bare, "google"); identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("%s: deleting gave %v", field, err)
		}
		if r.server.Dump() != before {
			t.Errorf("%s: it changed something", field)
		}
	}
}
