package identitytest

import (
	"errors"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// settledAs fails the test unless the subject is that identity's alone, or, with
// maybe, it comes to be that or is nobody's and free.
func (t *storeTest) settledAs(id string, maybe bool) {
	t.Helper()
	before := t.foundOrFree("google", subject)
	_, has := t.get(id).Providers["google"] // decides what is not decided yet
	found := t.foundOrFree("google", subject)
	if has != (found == id) || found != "" && found != id || before != found && (before != "" || !maybe) {
		t.Fatalf("%s has it: %t; it finds %q, found %q before", id, has, found, before)
	}
	if found != "" {
		t.taken(id)
		return
	}
	if !maybe {
		t.Fatal("it is not there")
	}
	other := t.create(t.person(91, "somebody@shop.example"))
	t.want(nil, t.AddProvider(t.Context(), other.ID, t.google(91), anytime), "giving it to another")
	t.taken(other.ID)
	if _, has := t.get(id).Providers["google"]; has {
		t.Fatalf("%s has it as well", id)
	}
}

// add adds the subject to the nth person, who is created before.
func (s *step) add(n int) (fired bool, err error) {
	s.Helper()
	i := s.create(s.person(n, "a@shop.example"))
	fired, err = s.run(func() error { return s.AddProvider(s.Context(), i.ID, s.google(n), anytime) })
	s.nilOrUnavailable(err, "adding")
	return fired, err
}

var addFaultTests = map[string]func(*storeTest){
	"then again": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			fired, _ := s.add(1)
			s.want(nil, s.AddProvider(s.Context(), s.person(1, "").ID, s.google(2), anytime), "adding again")
			s.settledAs(s.person(1, "").ID, false)
			return fired
		})
	},
	"then Find": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			fired, err := s.add(1)
			s.settledAs(s.person(1, "").ID, err != nil)
			return fired
		})
	},
	"then a log-in by another provider": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			fired, err := s.add(1)
			s.holds(s.person(1, "").ID, "a@shop.example")
			s.settledAs(s.person(1, "").ID, err != nil)
			return fired
		})
	},
	"then somebody is created with it": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			fired, err := s.add(1)
			i := s.person(2, "b@shop.example")
			i.Providers["google"] = s.google(2)
			switch created := s.Create(s.Context(), i); {
			case created == nil && err != nil:
				s.settledAs(i.ID, false)
				if _, has := s.get(s.person(1, "").ID).Providers["google"]; has {
					s.Error("both have it")
				}
			case errors.Is(created, identity.ErrExists):
				s.settledAs(s.person(1, "").ID, false)
			default:
				s.Fatalf("adding gave %v, creating %v", err, created)
			}
			return fired
		})
	},
	"then another of the provider": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			fired, _ := s.add(1)
			id := s.person(1, "").ID
			switch err := s.AddProvider(s.Context(), id, s.entry("google", "5678", ""), anytime); {
			case err == nil:
				if found := s.foundOrFree("google", subject); found != "" {
					s.Fatalf("the first finds %s", found)
				}
				if found := s.foundOrFree("google", "5678"); found != id {
					s.Fatalf("it finds %q", found)
				}
			case errors.Is(err, identity.ErrLinked):
				s.settledAs(id, false)
			default:
				s.Fatal(err)
			}
			return fired
		})
	},
	"then it is removed": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			fired, err := s.add(1)
			id := s.person(1, "").ID
			removed := s.RemoveProvider(s.Context(), id, "google", s.nextSecond())
			if !errors.Is(removed, identity.ErrNotFound) || err == nil {
				s.want(nil, removed, "removing")
			}
			s.linked("")
			s.settledAs(id, true)
			return fired
		})
	},
	// Whoever comes across it later does not complete it either.
	"that died, then a revocation": func(t *storeTest) {
		for name, revoke := range map[string]func(t *storeTest, id string) error{
			"reset": func(t *storeTest, id string) error { return t.dropping(id, nil) },
			"reset that drops": func(t *storeTest, id string) error {
				return t.dropping(id, func(identity.ProviderIdentity) bool { return false })
			},
			"removal": func(t *storeTest, id string) error {
				return t.RemoveProvider(t.Context(), id, "sso", t.nextSecond())
			},
		} {
			for n, died := 0, true; died; n++ {
				t := t.again()
				i := t.person(1, "a@shop.example")
				i.Providers["sso"] = t.entry("sso", "1", "")
				t.create(i)
				t.openReset(i.ID, 1)
				t.faults.Arm(n, Fault{Down: true}) // the last command decides, so it was not sent
				t.nilOrUnavailable(t.AddProvider(t.Context(), i.ID, t.google(1), time.Time{}), "the addition that died")
				if died = t.faults.Disarm(); died {
					t.want(nil, revoke(t, i.ID), name)
					t.linked("")
					t.settledAs(i.ID, true)
				}
			}
		}
	},
	"then the identity is deleted": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			fired, _ := s.add(1)
			id := s.person(1, "").ID
			s.want(nil, s.Link(s.Context(), id, "customer", "cus_1"), "linking")
			s.unlink(id, "customer", "cus_1")
			s.linked("")
			again := s.person(2, "a@shop.example")
			again.Providers["google"] = s.google(2)
			s.create(again)
			s.settledAs(again.ID, false)
			return fired
		})
	},
	"that died, then a reader that dies": func(t *storeTest) {
		for n, died := 0, true; died; n++ {
			for _, read := range []func(s *step, id string) error{
				func(s *step, id string) error { _, err := s.Identity(s.Context(), id); return err },
				func(s *step, id string) error {
					_, err := s.Find(s.Context(), "emailpass", "a@shop.example")
					return err
				},
				func(s *step, _ string) error {
					_, err := s.Find(s.Context(), "google", subject)
					if errors.Is(err, identity.ErrNotFound) {
						return nil
					}
					return err
				},
			} {
				t.eachStepOf(Fault{Lost: true, Down: true}, func(s *step) bool {
					i := s.create(s.person(1, "a@shop.example"))
					died = s.died(n, func() error { return s.AddProvider(s.Context(), i.ID, s.google(1), anytime) })
					fired, err := s.run(func() error { return read(s, i.ID) })
					s.nilOrUnavailable(err, "reading")
					s.settledAs(i.ID, died)
					return fired
				})
			}
		}
	},
	"of a key that is taken": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			a := s.person(1, "a@shop.example")
			a.Providers["google"] = s.google(1)
			b := s.person(2, "b@shop.example")
			s.create(a, b)
			s.faults.Arm(s.n, s.fault)
			err := s.AddProvider(s.Context(), b.ID, s.google(2), anytime)
			fired := s.faults.Disarm()
			if !errors.Is(err, identity.ErrExists) && identity.CodeOf(err) != identity.CodeUnavailable {
				s.Fatalf("got %v", err)
			}
			s.holds(b.ID, "b@shop.example")
			if got := s.get(b.ID); len(got.Providers) != 1 {
				s.Errorf("read %+v", got)
			}
			s.want(nil, s.AddProvider(s.Context(), b.ID, s.entry("google", "5678", ""), anytime), "adding another")
			s.settledAs(a.ID, false)
			return fired
		})
	},
}

var removeFaultTests = map[string]func(*storeTest){
	"of one that was added": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			s.want(nil, s.AddProvider(s.Context(), i.ID, s.google(1), anytime), "adding")
			return s.remove(i)
		})
	},
	"of one that it was created with": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.person(1, "a@shop.example")
			i.Providers["google"] = s.google(1)
			return s.remove(s.create(i))
		})
	},
	"then it is added again": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			s.want(nil, s.AddProvider(s.Context(), i.ID, s.google(1), anytime), "adding")
			fired, err := s.run(func() error { return s.RemoveProvider(s.Context(), i.ID, "google", s.nextSecond()) })
			s.nilOrUnavailable(err, "removing")
			s.want(nil, s.AddProvider(s.Context(), i.ID, s.google(2), anytime), "adding again")
			s.settledAs(i.ID, false)
			return fired
		})
	},
	"of the last": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			s.faults.Arm(s.n, s.fault)
			err := s.RemoveProvider(s.Context(), i.ID, "emailpass", s.nextSecond())
			fired := s.faults.Disarm()
			if !errors.Is(err, identity.ErrLast) && identity.CodeOf(err) != identity.CodeUnavailable {
				s.Fatalf("got %v", err)
			}
			s.holds(i.ID, "a@shop.example")
			return fired
		})
	},
}

// remove removes the subject from the identity, and once more if that was not
// confirmed and not done.
func (s *step) remove(i *identity.Identity) (fired bool) {
	s.Helper()
	fired, err := s.run(func() error { return s.RemoveProvider(s.Context(), i.ID, "google", s.nextSecond()) })
	s.nilOrUnavailable(err, "removing")
	got := s.get(i.ID)
	_, has := got.Providers["google"]
	if has == got.ValidFrom.Equal(s.nextSecond()) || has && err == nil {
		s.Fatalf("removing gave %v, read %+v", err, got)
	}
	if has {
		s.linked(i.ID)
		s.want(nil, s.RemoveProvider(s.Context(), i.ID, "google", s.nextSecond()), "removing again")
	}
	s.settledAs(i.ID, true)
	return fired
}
