package identitytest

import (
	"fmt"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const resetTTL = 15 * time.Minute

// reset returns the nth reset, asked for n milliseconds from now.
func (t *storeTest) reset(n int) identity.Reset {
	asked := t.clock.Now().Add(time.Duration(n) * time.Millisecond)
	return identity.Reset{Hash: hash(n), AskedAt: asked, ExpiresAt: asked.Add(resetTTL)}
}

// openReset opens the nth reset of emailpass.
func (t *storeTest) openReset(id string, n int) {
	t.Helper()
	t.want(nil, t.OpenReset(t.Context(), id, "emailpass", t.reset(n)), fmt.Sprintf("opening reset %d", n))
}

// isOpen fails the test unless those of the resets 1 to 3 of emailpass are open.
func (t *storeTest) isOpen(id string, open ...int) {
	t.Helper()
	for n := 1; n <= 3; n++ {
		want := identity.ErrNotFound
		for _, o := range open {
			if o == n {
				want = nil
			}
		}
		t.want(want, t.CheckReset(t.Context(), id, "emailpass", hash(n)), fmt.Sprintf("checking reset %d", n))
	}
}

var resetTests = map[string]func(*storeTest){
	"none is open": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.isOpen(i.ID)
		t.isOpen("authid_01TEST")
		t.want(identity.ErrNotFound, t.CloseReset(t.Context(), i.ID, "emailpass", hash(1)), "closing")
		t.want(identity.ErrNotFound, t.CheckReset(t.Context(), "", "emailpass", hash(1)), "checking nobody's")
	},
	"of nobody": func(t *storeTest) {
		t.want(identity.ErrNotFound, t.OpenReset(t.Context(), "authid_01TEST", "emailpass", t.reset(1)), "opening")
		t.want(identity.ErrNotFound, t.OpenReset(t.Context(), "", "emailpass", t.reset(1)), "opening")
		i := t.create(t.person(1, "a@shop.example"))
		t.want(identity.ErrNotFound, t.OpenReset(t.Context(), i.ID, "google", t.reset(1)), "opening another provider's")
	},
	"with a hash that is none": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		for _, h := range []string{"", "a", strings.Repeat("A", 64), strings.Repeat(" ", 64), hash(1) + " open"} {
			r := t.reset(1)
			r.Hash = h
			if err := t.OpenReset(t.Context(), i.ID, "emailpass", r); identity.CodeOf(err) != identity.CodeInternal {
				t.Errorf("opening %q: got %v, want %s", h, err, identity.CodeInternal)
			}
			t.want(identity.ErrNotFound, t.CheckReset(t.Context(), i.ID, "emailpass", h), "checking "+h)
			t.want(identity.ErrNotFound, t.CloseReset(t.Context(), i.ID, "emailpass", h), "closing "+h)
		}
	},
	"open": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"), t.person(2, "b@shop.example"))
		t.openReset(i.ID, 1)
		t.isOpen(i.ID, 1)
		t.isOpen(i.ID, 1) // checking is not using
		t.isOpen(t.person(2, "").ID)
		t.want(identity.ErrNotFound, t.CheckReset(t.Context(), i.ID, "google", hash(1)), "another provider's")
	},
	"the same again": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.openReset(i.ID, 1)
		t.openReset(i.ID, 1)
		t.isOpen(i.ID, 1)
	},
	"a later one within the cooldown": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.openReset(i.ID, 1)
		r := t.reset(3)
		r.Cooldown = 3 * time.Millisecond
		t.want(identity.ErrStale, t.OpenReset(t.Context(), i.ID, "emailpass", r), "opening 2 ms later")
		t.isOpen(i.ID, 1)
		r.Cooldown = 2 * time.Millisecond
		t.want(nil, t.OpenReset(t.Context(), i.ID, "emailpass", r), "opening after the cooldown")
		t.isOpen(i.ID, 3)
		t.want(nil, t.CloseReset(t.Context(), i.ID, "emailpass", hash(3)), "closing")
		r = t.reset(4)
		r.Cooldown = time.Hour
		t.want(nil, t.OpenReset(t.Context(), i.ID, "emailpass", r), "opening when none is open any more")
	},
	"a later one is the only one": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.openReset(i.ID, 1)
		t.openReset(i.ID, 2)
		t.isOpen(i.ID, 2)
	},
	"an earlier one is late": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.openReset(i.ID, 2)
		t.want(identity.ErrStale, t.OpenReset(t.Context(), i.ID, "emailpass", t.reset(1)), "opening the earlier")
		t.isOpen(i.ID, 2)
		t.want(nil, t.CloseReset(t.Context(), i.ID, "emailpass", hash(2)), "using the later")
		t.want(identity.ErrStale, t.OpenReset(t.Context(), i.ID, "emailpass", t.reset(1)), "opening the earlier after the later was used")
		t.isOpen(i.ID)
	},
	"two of the same millisecond": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		a, b := t.reset(1), t.reset(1)
		b.Hash = hash(2)
		var open [2]int
		for range 2 { // in whichever order they come, again and again, the same one stays
			for n, r := range []identity.Reset{a, b} {
				if t.OpenReset(t.Context(), i.ID, "emailpass", r) == nil {
					open[n]++
				}
			}
		}
		t.isOpen(i.ID, 2)
		if open != [2]int{1, 2} {
			t.Errorf("opened %v times", open)
		}
	},
	"used": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.openReset(i.ID, 1)
		t.want(identity.ErrNotFound, t.CloseReset(t.Context(), i.ID, "emailpass", hash(2)), "closing another")
		t.isOpen(i.ID, 1)
		t.want(nil, t.CloseReset(t.Context(), i.ID, "emailpass", hash(1)), "closing")
		t.isOpen(i.ID)
		t.want(identity.ErrNotFound, t.CloseReset(t.Context(), i.ID, "emailpass", hash(1)), "closing again")
		t.want(identity.ErrStale, t.OpenReset(t.Context(), i.ID, "emailpass", t.reset(1)), "opening again")
		t.isOpen(i.ID)
		t.openReset(i.ID, 2)
		t.isOpen(i.ID, 2)
		t.want(identity.ErrStale, t.OpenReset(t.Context(), i.ID, "emailpass", t.reset(1)), "opening the used one after a later one")
		if got := t.get(i.ID); !got.ValidFrom.IsZero() || got.Providers["emailpass"].Credential.Reveal() != "hash 1" {
			t.Errorf("closing had an effect: %+v", got)
		}
	},
	"expired": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		r := t.reset(1)
		t.want(nil, t.OpenReset(t.Context(), i.ID, "emailpass", r), "opening")
		t.clock.Forward(resetTTL)
		t.isOpen(i.ID, 1)
		t.clock.Forward(time.Millisecond)
		t.isOpen(i.ID)
		t.want(identity.ErrNotFound, t.CloseReset(t.Context(), i.ID, "emailpass", r.Hash), "closing")
		err := t.FinishReset(t.Context(), i.ID, r.Hash, t.entry("emailpass", "a@shop.example", "new"), t.nextSecond(), nil)
		t.want(identity.ErrNotFound, err, "finishing")
		t.want(identity.ErrStale, t.OpenReset(t.Context(), i.ID, "emailpass", r), "opening")
	},
	"used, until it expires": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		r := t.reset(1)
		t.want(nil, t.OpenReset(t.Context(), i.ID, "emailpass", r), "opening")
		t.want(nil, t.CloseReset(t.Context(), i.ID, "emailpass", r.Hash), "closing")
		for range 4 {
			t.clock.Forward(resetTTL/4 + time.Millisecond)
			t.want(identity.ErrStale, t.OpenReset(t.Context(), i.ID, "emailpass", r), "opening again")
			t.isOpen(i.ID)
		}
	},
}

var finishTests = map[string]func(*storeTest){
	"in one step": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.openReset(i.ID, 1)
		next := t.entry("emailpass", "a@shop.example", "new")
		t.want(nil, t.FinishReset(t.Context(), i.ID, hash(1), next, t.nextSecond(), nil), "finishing")
		got := t.get(i.ID)
		if p := got.Providers["emailpass"]; p.Credential != next.Credential || p.EntityID != next.EntityID || p.Key != next.Key {
			t.Errorf("stored is %+v", p)
		}
		if !got.ValidFrom.Equal(t.nextSecond()) {
			t.Errorf("ValidFrom is %v, want %v", got.ValidFrom, t.nextSecond())
		}
		t.isOpen(i.ID)
		t.want(identity.ErrNotFound, t.FinishReset(t.Context(), i.ID, hash(1), next, t.nextSecond(), nil), "finishing again")
		t.want(identity.ErrStale, t.OpenReset(t.Context(), i.ID, "emailpass", t.reset(1)), "opening it late")
		t.isOpen(i.ID)
		t.holds(i.ID, "a@shop.example")
	},
	"one that is not open": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.Providers["google"] = t.entry("google", "1", "")
		t.create(i)
		t.openReset(i.ID, 1)
		next := t.entry("emailpass", "a@shop.example", "new")
		t.want(identity.ErrNotFound, t.FinishReset(t.Context(), i.ID, hash(2), next, t.nextSecond(), nil), "finishing another")
		t.want(identity.ErrNotFound, t.FinishReset(t.Context(), i.ID, "", next, t.nextSecond(), nil), "finishing none")
		t.want(identity.ErrNotFound, t.FinishReset(t.Context(), "", hash(1), next, t.nextSecond(), nil), "finishing nobody's")
		t.want(identity.ErrNotFound, t.FinishReset(t.Context(), i.ID, hash(1), t.entry("google", "1", "new"), t.nextSecond(), nil), "finishing another provider's")
		if got := t.get(i.ID); got.Providers["emailpass"].Credential.Reveal() != "hash 1" || !got.ValidFrom.IsZero() {
			t.Errorf("it had an effect: %+v", got)
		}
		t.isOpen(i.ID, 1)
	},
	// What was issued at the old ValidFrom was issued before the reset.
	"raises ValidFrom in any case": func(t *storeTest) {
		for _, old := range []time.Duration{-time.Hour, 0, time.Hour} {
			t := t.again()
			i := t.person(1, "a@shop.example")
			i.ValidFrom = t.nextSecond().Add(old)
			t.create(i)
			t.openReset(i.ID, 1)
			t.want(nil, t.FinishReset(t.Context(), i.ID, hash(1), t.entry("emailpass", "a@shop.example", "new"), t.nextSecond(), nil), "finishing")
			want := t.nextSecond()
			if old >= 0 {
				want = i.ValidFrom.Add(time.Second)
			}
			if got := t.get(i.ID); !got.ValidFrom.Equal(want) {
				t.Errorf("ValidFrom is %v, was %v, want %v", got.ValidFrom, i.ValidFrom, want)
			}
		}
	},
	"of an identity that is gone": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.Link(t.Context(), i.ID, "customer", "cus_1"), "linking")
		t.openReset(i.ID, 1)
		t.unlink(i.ID, "customer", "cus_1")
		err := t.FinishReset(t.Context(), i.ID, hash(1), t.entry("emailpass", "a@shop.example", "new"), t.nextSecond(), nil)
		t.want(identity.ErrNotFound, err, "finishing")
		_, err = t.Identity(t.Context(), i.ID)
		t.want(identity.ErrNotFound, err, "reading")
	},
	"beats a credential that is being replaced": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		old := i.Providers["emailpass"]
		t.openReset(i.ID, 1)
		next := t.entry("emailpass", "a@shop.example", "new")
		t.want(nil, t.FinishReset(t.Context(), i.ID, hash(1), next, t.nextSecond(), nil), "finishing")
		t.want(identity.ErrStale, t.ReplaceCredential(t.Context(), i.ID, old, t.entry("emailpass", "a@shop.example", "rehashed")), "replacing")
	},
	"50 at once, one succeeds": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.openReset(i.ID, 1)
		entry := func(n int) identity.ProviderIdentity {
			return t.entry("emailpass", "a@shop.example", fmt.Sprintf("new %d", n))
		}
		errs := t.parallel(50, func(n int) error {
			return t.FinishReset(t.Context(), i.ID, hash(1), entry(n), t.nextSecond(), nil)
		})
		winner := t.oneSucceeds(errs, identity.ErrNotFound)
		if got := t.get(i.ID).Providers["emailpass"].Credential; got != entry(winner).Credential {
			t.Errorf("stored is %q, %d succeeded", got.Reveal(), winner)
		}
	},
	"while a later one is opened": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.openReset(i.ID, 1)
		errs := t.parallel(2, func(n int) error {
			if n == 0 {
				return t.OpenReset(t.Context(), i.ID, "emailpass", t.reset(2))
			}
			return t.FinishReset(t.Context(), i.ID, hash(1), t.entry("emailpass", "a@shop.example", "new"), t.nextSecond(), nil)
		})
		t.want(nil, errs[0], "opening the later")
		t.isOpen(i.ID, 2)
		changed := t.get(i.ID).Providers["emailpass"].Credential.Reveal() == "new"
		if changed != (errs[1] == nil) {
			t.Errorf("finishing gave %v, the credential changed: %t", errs[1], changed)
		}
	},
}
