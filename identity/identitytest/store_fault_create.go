package identitytest

import (
	"encoding/json"
	"errors"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// shopper has two keys and an actor, so creating it takes every step there is.
func (t *storeTest) shopper(n int) *identity.Identity {
	i := t.person(n, "a@shop.example")
	i.Providers["google"] = t.entry("google", "1", "")
	i.AppMetadata = identity.Metadata{"customer_id": json.RawMessage(`"cus_1"`)}
	return i
}

// oneShopper fails the test unless that shopper is there whole, and the other is not.
func (t *storeTest) oneShopper(n, other int) {
	t.Helper()
	i := t.shopper(n)
	for provider, p := range i.Providers {
		found, err := t.Find(t.Context(), provider, p.Key)
		t.want(nil, err, "finding by "+provider)
		if found.ID != i.ID {
			t.Fatalf("%s finds %s, want %s", provider, found.ID, i.ID)
		}
	}
	t.get(i.ID)
	_, err := t.Identity(t.Context(), t.shopper(other).ID)
	t.want(identity.ErrNotFound, err, "reading the other")
	t.unlink(i.ID, "customer", "cus_1")
	_, err = t.Find(t.Context(), "google", "1")
	t.want(identity.ErrNotFound, err, "finding one that was deleted")
	t.create(t.shopper(3))
}

// foundOrFree returns the id of the identity that is found by the key, "" if
// there is none.
func (t *storeTest) foundOrFree(provider, key string) string {
	t.Helper()
	i, err := t.Find(t.Context(), provider, key)
	if errors.Is(err, identity.ErrNotFound) {
		return ""
	}
	t.want(nil, err, "finding "+key)
	return i.ID
}

// createAfter creates the nth shopper after something happened to others and
// that one, "" for none, was found. It fails the test unless one is there whole
// then, the one found if there was one, and none of the others.
func (t *storeTest) createAfter(found string, n int) {
	t.Helper()
	err := t.Create(t.Context(), t.shopper(n))
	now := t.foundOrFree("google", "1")
	switch {
	case err == nil && found == "" && now == t.shopper(n).ID:
	case errors.Is(err, identity.ErrExists) && now != "" && (found == "" || found == now):
	default:
		t.Fatalf("found %q before; creating gave %v; found %q then", found, err, now)
	}
	for one := 1; one <= n; one++ {
		if t.shopper(one).ID == now {
			t.oneShopper(one, one%n+1)
			return
		}
	}
	t.Fatalf("found %s", now)
}

var createFaultTests = map[string]func(*storeTest){
	"Create, then again": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			fired, err := s.run(func() error { return s.Create(s.Context(), s.shopper(1)) })
			s.nilOrUnavailable(err, "creating")
			again := s.Create(s.Context(), s.shopper(2))
			switch {
			case again == nil && err != nil:
				s.oneShopper(2, 1)
			case errors.Is(again, identity.ErrExists):
				s.oneShopper(1, 2)
			default:
				s.Fatalf("creating gave %v, and again %v", err, again)
			}
			return fired
		})
	},
	"Create, then again with the same id": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			fired, err := s.run(func() error { return s.Create(s.Context(), s.shopper(1)) })
			s.nilOrUnavailable(err, "creating")
			again := s.Create(s.Context(), s.shopper(1))
			if again != nil && !errors.Is(again, identity.ErrExists) || again == nil && err == nil {
				s.Fatalf("creating gave %v, and again %v", err, again)
			}
			s.oneShopper(1, 2)
			return fired
		})
	},
	"Create, then Find": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			fired, err := s.run(func() error { return s.Create(s.Context(), s.shopper(1)) })
			s.nilOrUnavailable(err, "creating")
			found := s.foundOrFree("google", "1")
			if found == "" && err == nil {
				s.Error("not found")
			}
			s.createAfter(found, 2)
			return fired
		})
	},
	"Create that died, then a Find that fails": func(t *storeTest) {
		for n, died := 0, true; died; n++ {
			t.eachStepOf(Fault{Down: true}, func(s *step) bool {
				died = s.died(n, func() error { return s.Create(s.Context(), s.shopper(1)) })
				s.faults.Arm(s.n, s.fault)
				_, err := s.Find(s.Context(), "google", "1")
				fired := s.faults.Disarm()
				if !errors.Is(err, identity.ErrNotFound) {
					s.nilOrUnavailable(err, "finding")
				}
				found := s.foundOrFree("google", "1")
				if found == "" && err == nil {
					s.Error("found no longer")
				}
				s.createAfter(found, 2)
				return fired
			})
		}
	},
	"Create that died, then another that dies": func(t *storeTest) {
		for n, died := 0, true; died; n++ {
			t.eachStepOf(Fault{Down: true}, func(s *step) bool {
				died = s.died(n, func() error { return s.Create(s.Context(), s.shopper(1)) })
				s.faults.Arm(s.n, s.fault)
				err := s.Create(s.Context(), s.shopper(2))
				fired := s.faults.Disarm()
				if !errors.Is(err, identity.ErrExists) {
					s.nilOrUnavailable(err, "creating the second")
				}
				s.createAfter("", 4)
				return fired
			})
		}
	},
	"Create of a key that is taken": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			a := s.create(s.shopper(1))
			s.faults.Arm(s.n, s.fault)
			err := s.Create(s.Context(), s.person(2, "a@shop.example"))
			fired := s.faults.Disarm()
			if !errors.Is(err, identity.ErrExists) && identity.CodeOf(err) != identity.CodeUnavailable {
				s.Fatalf("got %v", err)
			}
			s.holds(a.ID, "a@shop.example")
			s.oneShopper(1, 2)
			return fired
		})
	},
}
