package identitytest

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// bare returns the nth identity, which has the subject and nothing else.
func (t *storeTest) bare(n int) *identity.Identity {
	i := t.person(n, "")
	i.Providers = map[string]identity.ProviderIdentity{"google": t.google(n)}
	return i
}

// gone fails the test unless the identity is, and left nothing.
func (t *storeTest) gone(id string) {
	t.Helper()
	_, err := t.Identity(t.Context(), id)
	t.want(identity.ErrNotFound, err, "reading "+id)
	t.linked("")
	t.want(identity.ErrNotFound, t.DeleteBare(t.Context(), id, "google"), "deleting again")
}

var bareTests = map[string]func(*storeTest){
	"is gone": func(t *storeTest) {
		i := t.create(t.bare(1))
		t.want(nil, t.OpenReset(t.Context(), i.ID, "google", t.reset(1)), "opening a reset")
		t.want(nil, t.DeleteBare(t.Context(), i.ID, "google"), "deleting")
		t.gone(i.ID)
		t.want(identity.ErrNotFound, t.CheckReset(t.Context(), i.ID, "google", hash(1)), "its reset")
		t.want(identity.ErrNotFound, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking it")
		other := t.create(t.person(2, "b@shop.example"))
		t.want(nil, t.AddProvider(t.Context(), other.ID, t.google(2), anytime), "adding it to another")
		t.taken(other.ID)
	},
	"and comes again": func(t *storeTest) {
		i := t.create(t.bare(1))
		t.want(nil, t.DeleteBare(t.Context(), i.ID, "google"), "deleting")
		t.create(t.bare(1))
		t.taken(i.ID)
	},
	"that got its provider later": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.AddProvider(t.Context(), i.ID, t.google(1), anytime), "adding")
		t.want(nil, t.RemoveProvider(t.Context(), i.ID, "emailpass", t.nextSecond()), "removing")
		t.want(nil, t.DeleteBare(t.Context(), i.ID, "google"), "deleting")
		t.gone(i.ID)
	},
	"is somebody": func(t *storeTest) {
		customer, null, two := t.bare(1), t.person(2, ""), t.person(3, "c@shop.example")
		customer.AppMetadata = identity.Metadata{"customer_id": json.RawMessage(`"cus_1"`)}
		for n, i := range []*identity.Identity{null, two} {
			i.Providers["google"] = t.entry("google", fmt.Sprint(n), "")
		}
		delete(null.Providers, "emailpass")
		null.AppMetadata = identity.Metadata{"user_id": json.RawMessage(`null`)}
		t.create(customer, null, two)
		linked := t.create(t.person(4, "d@shop.example"))
		t.want(nil, t.Link(t.Context(), linked.ID, "user", "user_1"), "linking")
		for id, provider := range map[string]string{customer.ID: "google", null.ID: "google", two.ID: "google", linked.ID: "emailpass"} {
			before := t.get(id)
			t.want(identity.ErrLinked, t.DeleteBare(t.Context(), id, provider), "deleting "+id)
			if now := t.get(id); len(now.Providers) != len(before.Providers) || len(now.AppMetadata) != len(before.AppMetadata) {
				t.Errorf("read %+v, was %+v", now, before)
			}
		}
		t.taken(customer.ID)
	},
	"of another provider": func(t *storeTest) {
		i := t.create(t.bare(1))
		for _, provider := range []string{"emailpass", "", "goog", "google2"} {
			t.want(identity.ErrLinked, t.DeleteBare(t.Context(), i.ID, provider), "deleting "+provider)
		}
		t.taken(i.ID)
	},
	"nobody": func(t *storeTest) {
		for _, id := range []string{"authid_01TEST", "", "a}{b"} {
			t.want(identity.ErrNotFound, t.DeleteBare(t.Context(), id, "google"), "deleting nobody")
		}
	},
	"20 times at once": func(t *storeTest) {
		i := t.create(t.bare(1))
		t.oneSucceeds(t.parallel(20, func(int) error { return t.DeleteBare(t.Context(), i.ID, "google") }), identity.ErrNotFound)
		t.gone(i.ID)
	},
	"while it becomes somebody": func(t *storeTest) {
		for range 10 {
			t := t.again()
			i := t.create(t.bare(1))
			errs := t.parallel(10, func(n int) error {
				if n%2 == 0 {
					return t.DeleteBare(t.Context(), i.ID, "google")
				}
				return t.Link(t.Context(), i.ID, "customer", "cus_1")
			})
			deleted := t.foundOrFree("google", subject) == ""
			for n, err := range errs {
				switch {
				case err == nil && (n%2 == 0) == deleted:
				case n%2 == 0 && deleted, n%2 == 1:
					t.want(identity.ErrNotFound, err, fmt.Sprint("call ", n))
				default:
					t.want(identity.ErrLinked, err, "deleting")
				}
			}
			if deleted {
				t.gone(i.ID)
				continue
			}
			t.taken(i.ID)
			t.unlink(i.ID, "customer", "cus_1")
		}
	},
	"while it gets another provider": func(t *storeTest) {
		for range 10 {
			t := t.again()
			i := t.create(t.bare(1))
			errs := t.parallel(2, func(n int) error {
				if n == 0 {
					return t.DeleteBare(t.Context(), i.ID, "google")
				}
				return t.AddProvider(t.Context(), i.ID, t.entry("github", subject, ""), anytime)
			})
			if errs[0] == nil {
				t.want(identity.ErrNotFound, errs[1], "adding")
				t.gone(i.ID)
				if found := t.foundOrFree("github", subject); found != "" {
					t.Fatalf("the other one finds %s", found)
				}
				continue
			}
			t.want(identity.ErrLinked, errs[0], "deleting")
			t.want(nil, errs[1], "adding")
			if got := t.get(i.ID); len(got.Providers) != 2 || t.foundOrFree("github", subject) != i.ID {
				t.Fatalf("read %+v", got)
			}
			t.taken(i.ID)
		}
	},
	// As linking does it, by many at once, while the person logs in.
	"and others get what it had": func(t *storeTest) {
		const many = 10
		t.create(t.bare(many))
		for n := range many {
			t.create(t.person(n, fmt.Sprint(n)))
		}
		errs := t.parallel(2*many, func(n int) error {
			if n >= many {
				return t.Create(t.Context(), t.bare(n+1))
			}
			err := t.AddProvider(t.Context(), t.person(n, "").ID, t.google(n), anytime)
			if !errors.Is(err, identity.ErrExists) {
				return err
			}
			holder, err := t.Find(t.Context(), "google", subject)
			if err == nil {
				err = t.DeleteBare(t.Context(), holder.ID, "google")
			}
			if err == nil || errors.Is(err, identity.ErrNotFound) {
				err = t.AddProvider(t.Context(), t.person(n, "").ID, t.google(n), anytime)
			}
			return err
		})
		found, have := t.foundOrFree("google", subject), 0
		for n := range 2*many + 1 {
			i, err := t.Identity(t.Context(), t.person(n, "").ID)
			if errors.Is(err, identity.ErrNotFound) {
				continue
			}
			t.want(nil, err, "reading")
			if _, has := i.Providers["google"]; has {
				have++
				if i.ID != found {
					t.Errorf("%s has it, and it finds %q", i.ID, found)
				}
			}
		}
		if have != 1 {
			t.Errorf("%d have it", have)
		}
		for n, err := range errs {
			// Who finds an identity that is being made completes it, and may delete it before
			// its maker has looked again: who cannot tell says so.
			unconfirmed := n >= many && identity.ReasonOf(err) == "store_unconfirmed"
			if err != nil && !unconfirmed && !errors.Is(err, identity.ErrExists) && !errors.Is(err, identity.ErrLinked) {
				t.Errorf("%d: %v", n, err)
			}
		}
		t.taken(found)
	},
}

var bareFaultTests = map[string]func(*storeTest){
	"then again": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.bare(1))
			fired, err := s.run(func() error { return s.DeleteBare(s.Context(), i.ID, "google") })
			s.nilOrUnavailable(err, "deleting")
			if _, there := s.Identity(s.Context(), i.ID); there == nil {
				if err == nil {
					s.Fatal("it is still there")
				}
				s.linked(i.ID)
				s.want(nil, s.DeleteBare(s.Context(), i.ID, "google"), "deleting again")
			}
			s.gone(i.ID)
			other := s.create(s.person(2, "b@shop.example"))
			s.want(nil, s.AddProvider(s.Context(), other.ID, s.google(2), anytime), "adding it to another")
			s.taken(other.ID)
			return fired
		})
	},
	"then it is added to another": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i, other := s.create(s.bare(1)), s.create(s.person(2, "b@shop.example"))
			fired, err := s.run(func() error { return s.DeleteBare(s.Context(), i.ID, "google") })
			s.nilOrUnavailable(err, "deleting")
			switch added := s.AddProvider(s.Context(), other.ID, s.google(2), anytime); {
			case added == nil:
				s.taken(other.ID)
			case errors.Is(added, identity.ErrExists) && err != nil:
				s.taken(i.ID)
			default:
				s.Fatalf("deleting gave %v, adding %v", err, added)
			}
			return fired
		})
	},
	"then somebody comes by it": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.bare(1))
			fired, err := s.run(func() error { return s.DeleteBare(s.Context(), i.ID, "google") })
			s.nilOrUnavailable(err, "deleting")
			found := s.foundOrFree("google", subject)
			if found == "" {
				found = s.create(s.bare(2)).ID
			} else if found != i.ID || err == nil {
				s.Fatalf("deleting gave %v, found %s", err, found)
			}
			s.taken(found)
			return fired
		})
	},
	"of somebody": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.bare(1)
			i.AppMetadata = identity.Metadata{"customer_id": json.RawMessage(`"cus_1"`)}
			s.create(i)
			s.faults.Arm(s.n, s.fault)
			err := s.DeleteBare(s.Context(), i.ID, "google")
			fired := s.faults.Disarm()
			if !errors.Is(err, identity.ErrLinked) && identity.CodeOf(err) != identity.CodeUnavailable {
				s.Fatalf("got %v", err)
			}
			s.taken(i.ID)
			s.unlink(i.ID, "customer", "cus_1")
			return fired
		})
	},
	// What it was to get makes it somebody, or goes with it.
	"that was getting another provider": func(t *storeTest) {
		for n, died := 0, true; died; n++ {
			t.eachStepOf(Fault{Lost: true, Down: true}, func(s *step) bool {
				i := s.create(s.bare(1))
				github := s.entry("github", subject, "")
				died = s.died(n, func() error { return s.AddProvider(s.Context(), i.ID, github, anytime) })
				s.faults.Arm(s.n, s.fault)
				err := s.DeleteBare(s.Context(), i.ID, "google")
				fired := s.faults.Disarm()
				if err != nil && !errors.Is(err, identity.ErrLinked) && identity.CodeOf(err) != identity.CodeUnavailable {
					s.Fatalf("got %v", err)
				}
				found := s.foundOrFree("github", subject)
				if got, there := s.Identity(s.Context(), i.ID); there == nil {
					_, has := got.Providers["github"]
					if found = s.foundOrFree("github", subject); err == nil || has != (found == i.ID) {
						s.Fatalf("deleting gave %v; it has it: %t; it finds %q", err, has, found)
					}
					s.linked(i.ID)
					return fired
				}
				if found != "" {
					s.Fatalf("deleting gave %v; it finds %q", err, found)
				}
				s.gone(i.ID)
				return fired
			})
		}
	},
}
