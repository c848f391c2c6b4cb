package identitytest

import (
	"fmt"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

var removeTests = map[string]func(*storeTest){
	"takes it away": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.AddProvider(t.Context(), i.ID, t.google(1), anytime), "adding")
		t.openReset(i.ID, 1)
		t.want(nil, t.RemoveProvider(t.Context(), i.ID, "google", t.nextSecond()), "removing")
		got := t.get(i.ID)
		if len(got.Providers) != 1 || !got.ValidFrom.Equal(t.nextSecond()) {
			t.Errorf("read %+v", got)
		}
		t.isOpen(i.ID, 1) // it is of another provider
		t.want(identity.ErrNotFound, t.RemoveProvider(t.Context(), i.ID, "google", t.nextSecond()), "removing again")
		t.linked("")
		other := t.create(t.person(2, "b@shop.example"))
		t.want(nil, t.AddProvider(t.Context(), other.ID, t.google(2), anytime), "adding it to another")
		t.taken(other.ID)
	},
	"that it was created with": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.Providers["google"] = t.google(1)
		t.create(i)
		t.openReset(i.ID, 1)
		t.want(nil, t.RemoveProvider(t.Context(), i.ID, "emailpass", t.nextSecond()), "removing")
		t.isOpen(i.ID)
		err := t.FinishReset(t.Context(), i.ID, hash(1), t.entry("emailpass", "a@shop.example", "new"), t.nextSecond(), nil)
		t.want(identity.ErrNotFound, err, "finishing its reset")
		t.want(identity.ErrNotFound, t.OpenReset(t.Context(), i.ID, "emailpass", t.reset(2)), "opening a reset")
		t.holds("", "a@shop.example")
		t.want(nil, t.AddProvider(t.Context(), i.ID, t.entry("emailpass", "a@shop.example", "again"), anytime), "adding it again")
		t.isOpen(i.ID)
		t.holds(i.ID, "a@shop.example")
		t.want(identity.ErrExists, t.Create(t.Context(), t.person(2, "a@shop.example")), "creating another")
	},
	"never the last": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.openReset(i.ID, 1)
		t.want(identity.ErrLast, t.RemoveProvider(t.Context(), i.ID, "emailpass", t.nextSecond()), "removing")
		if got := t.get(i.ID); len(got.Providers) != 1 || !got.ValidFrom.IsZero() {
			t.Errorf("read %+v", got)
		}
		t.isOpen(i.ID, 1)
		t.holds(i.ID, "a@shop.example")
	},
	"of nobody": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(identity.ErrNotFound, t.RemoveProvider(t.Context(), i.ID, "google", t.nextSecond()), "removing what it has not")
		t.want(identity.ErrNotFound, t.RemoveProvider(t.Context(), i.ID, "", t.nextSecond()), "removing nothing")
		for _, id := range []string{"authid_01TEST", "", "a}{b"} {
			t.want(identity.ErrNotFound, t.RemoveProvider(t.Context(), id, "emailpass", t.nextSecond()), "removing from nobody")
		}
		if got := t.get(i.ID); !got.ValidFrom.IsZero() {
			t.Errorf("read %+v", got)
		}
	},
	// What was issued at the old ValidFrom was issued before the removal.
	"raises ValidFrom in any case": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.Providers["google"], i.ValidFrom = t.google(1), t.nextSecond()
		t.create(i)
		t.want(nil, t.RemoveProvider(t.Context(), i.ID, "google", t.nextSecond()), "removing")
		if got := t.get(i.ID); !got.ValidFrom.Equal(i.ValidFrom.Add(time.Second)) {
			t.Errorf("ValidFrom is %v, was %v", got.ValidFrom, i.ValidFrom)
		}
	},
	"all at once leaves one": func(t *storeTest) {
		for range 10 {
			t := t.again()
			i := t.person(1, "a@shop.example")
			names := []string{"emailpass"}
			for n := range 5 {
				names = append(names, fmt.Sprint("p", n))
				i.Providers[names[n+1]] = t.entry(names[n+1], subject, "")
			}
			t.create(i)
			errs := t.parallel(len(names), func(n int) error { return t.RemoveProvider(t.Context(), i.ID, names[n], t.nextSecond()) })
			got := t.get(i.ID)
			if len(got.Providers) != 1 {
				t.Fatalf("left are %+v", got.Providers)
			}
			for n, err := range errs {
				_, left := got.Providers[names[n]]
				if left {
					t.want(identity.ErrLast, err, "removing the last")
					continue
				}
				t.want(nil, err, "removing "+names[n])
				if found := t.foundOrFree(names[n], i.Providers[names[n]].Key); found != "" {
					t.Errorf("%s still finds %s", names[n], found)
				}
			}
		}
	},
	// Nobody must end up with an entry that another can get as well.
	"while it is added": func(t *storeTest) {
		a := t.create(t.person(1, "a@shop.example"), t.person(2, "b@shop.example"))
		b := t.person(2, "")
		for range 5 {
			errs := t.parallel(30, func(n int) error {
				switch n % 3 {
				case 0:
					return t.RemoveProvider(t.Context(), a.ID, "google", t.nextSecond())
				case 1:
					return t.AddProvider(t.Context(), a.ID, t.google(n), anytime)
				}
				return t.AddProvider(t.Context(), b.ID, t.google(n), anytime)
			})
			for n, err := range errs {
				switch want := []error{identity.ErrNotFound, identity.ErrExists, identity.ErrExists}[n%3]; {
				case err == nil, identity.CodeOf(err) == identity.CodeUnavailable: // removed or given up in between
				default:
					t.want(want, err, fmt.Sprint("call ", n))
				}
			}
			found := t.foundOrFree("google", subject)
			for _, id := range []string{a.ID, b.ID} {
				if _, has := t.get(id).Providers["google"]; has != (id == found) {
					t.Fatalf("%s has it: %t; it finds %q", id, has, found)
				}
			}
			if found == b.ID {
				t.want(nil, t.RemoveProvider(t.Context(), b.ID, "google", t.nextSecond()), "removing")
			}
		}
	},
}
