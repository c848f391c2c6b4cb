package identitytest

import (
	"encoding/json"
	"errors"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// maxSteps is more commands than any operation takes.
const maxSteps = 100

// step is an operation in which one command fails.
type step struct {
	*storeTest
	n     int
	fault Fault
}

// run runs the operation and reports whether it got as far as the command.
func (s *step) run(operation func() error) (fired bool, err error) {
	s.faults.Arm(s.n, s.fault)
	err = operation()
	fired = s.faults.Disarm()
	if !fired && err != nil {
		s.Fatalf("nothing failed, and yet: %v", err)
	}
	return fired, err
}

// eachStep runs the test once for every way in which a command can fail and
// every command of the operation, each on an empty store.
func (t *storeTest) eachStep(test func(s *step) (fired bool)) {
	t.Helper()
	for name, fault := range AllFaults {
		t.Log(name)
		t.eachStepOf(fault, test)
	}
}

func (t *storeTest) eachStepOf(fault Fault, test func(s *step) (fired bool)) {
	t.Helper()
	for n := 0; ; n++ {
		s := &step{t.again(), n, fault}
		t.Log("command", n)
		if !test(s) || t.Failed() {
			return
		}
		if n == maxSteps {
			t.Fatal("the operation does not end")
		}
	}
}

// died runs the operation, which ends at the nth command as if the process had
// died, and reports whether it got that far.
func (t *storeTest) died(n int, operation func() error) bool {
	t.Helper()
	t.faults.Arm(n, Fault{Lost: true, Down: true})
	t.nilOrUnavailable(operation(), "the operation that died")
	return t.faults.Disarm()
}

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

var faultTests = map[string]func(*storeTest){
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
	"ReplaceCredential": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			next := s.entry("emailpass", "a@shop.example", "new")
			fired, err := s.run(func() error { return s.ReplaceCredential(s.Context(), i.ID, i.Providers["emailpass"], next) })
			s.nilOrUnavailable(err, "replacing")
			got := s.get(i.ID).Providers["emailpass"]
			if got.Credential != next.Credential && (err == nil || got.Credential.Reveal() != "hash 1") {
				s.Errorf("replacing gave %v, stored is %q", err, got.Credential.Reveal())
			}
			s.want(nil, s.ReplaceCredential(s.Context(), i.ID, got, next), "replacing what is stored")
			return fired
		})
	},
	"Link": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			fired, err := s.run(func() error { return s.Link(s.Context(), i.ID, "customer", "cus_1") })
			s.nilOrUnavailable(err, "linking")
			if linked := s.get(i.ID).ActorID("customer") == "cus_1"; !linked {
				if err == nil {
					s.Error("not linked")
				}
				s.want(nil, s.Link(s.Context(), i.ID, "customer", "cus_1"), "linking again")
			}
			s.unlink(i.ID, "customer", "cus_1")
			return fired
		})
	},
	"Unlink": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.shopper(1)
			i.AppMetadata["user_id"] = json.RawMessage(`"user_1"`)
			s.create(i)
			fired, err := s.run(func() error {
				_, err := s.Unlink(s.Context(), "customer", "cus_1", s.nextSecond())
				return err
			})
			s.nilOrUnavailable(err, "unlinking")
			if s.get(i.ID).ActorID("customer") != "" {
				if err == nil {
					s.Error("still linked")
				}
				s.unlink(i.ID, "customer", "cus_1")
			}
			got := s.get(i.ID)
			if got.ActorID("customer") != "" || got.ActorID("user") != "user_1" || !got.ValidFrom.Equal(s.nextSecond()) {
				s.Errorf("read %+v", got)
			}
			return fired
		})
	},
	"Unlink the last": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.shopper(1))
			fired, err := s.run(func() error {
				_, err := s.Unlink(s.Context(), "customer", "cus_1", s.nextSecond())
				return err
			})
			s.nilOrUnavailable(err, "unlinking")
			if _, there := s.Identity(s.Context(), i.ID); there == nil {
				if err == nil {
					s.Error("still there")
				}
				s.unlink(i.ID, "customer", "cus_1")
			}
			s.create(s.shopper(2))
			s.oneShopper(2, 1)
			return fired
		})
	},
	"OpenReset": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			fired, err := s.run(func() error { return s.OpenReset(s.Context(), i.ID, "emailpass", s.reset(1)) })
			s.nilOrUnavailable(err, "opening")
			if err == nil {
				s.isOpen(i.ID, 1)
			}
			s.openReset(i.ID, 1)
			s.isOpen(i.ID, 1)
			return fired
		})
	},
	"CloseReset": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			s.openReset(i.ID, 1)
			fired, err := s.run(func() error { return s.CloseReset(s.Context(), i.ID, "emailpass", hash(1)) })
			s.nilOrUnavailable(err, "closing")
			if again := s.CloseReset(s.Context(), i.ID, "emailpass", hash(1)); again == nil && err == nil {
				s.Error("closed twice")
			}
			s.isOpen(i.ID)
			s.want(identity.ErrStale, s.OpenReset(s.Context(), i.ID, "emailpass", s.reset(1)), "opening again")
			return fired
		})
	},
	"FinishReset": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			s.openReset(i.ID, 1)
			next := s.entry("emailpass", "a@shop.example", "new")
			fired, err := s.run(func() error { return s.FinishReset(s.Context(), i.ID, hash(1), next, s.nextSecond()) })
			s.nilOrUnavailable(err, "finishing")
			got := s.get(i.ID)
			changed := got.Providers["emailpass"].Credential == next.Credential
			if changed != got.ValidFrom.Equal(s.nextSecond()) || !changed && err == nil {
				s.Errorf("finishing gave %v, read %+v", err, got)
			}
			if !changed {
				s.isOpen(i.ID, 1)
				s.want(nil, s.FinishReset(s.Context(), i.ID, hash(1), next, s.nextSecond()), "finishing again")
			}
			s.isOpen(i.ID)
			return fired
		})
	},
}
