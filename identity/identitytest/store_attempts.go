package identitytest

import (
	"errors"
	"reflect"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func (t *storeTest) attempt() identity.Attempt {
	return identity.Attempt{
		Provider: "google", ActorType: "customer", Host: "api.shop.example", CallbackURL: "https://shop.example/callback?a=<b>",
		Verifier: identity.NewSecret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), Nonce: "n-0S6_WzA2Mj",
		Browser: hash(7), Returned: true, LinkTo: "authid_01TEST", ExpiresAt: t.clock.Now().Add(identity.AttemptTTL),
	}
}

// storedAttempt is the attempt as it comes back: times are kept to the millisecond.
func storedAttempt(a identity.Attempt) identity.Attempt {
	a.ExpiresAt = milli(a.ExpiresAt)
	return a
}

// takes fails the test unless that is what is kept under the nth hash.
func (t *storeTest) takes(n int, want identity.Attempt) {
	t.Helper()
	got, err := t.TakeAttempt(t.Context(), hash(n))
	t.want(nil, err, "taking")
	if want = storedAttempt(want); !reflect.DeepEqual(got, want) {
		t.Fatalf("took %+v\nkept %+v", got, want)
	}
}

func (t *storeTest) nothingToTake(n int) {
	t.Helper()
	_, err := t.TakeAttempt(t.Context(), hash(n))
	t.want(identity.ErrNotFound, err, "taking what there is not")
}

var attemptTests = map[string]func(*storeTest){
	"everything is kept": func(t *storeTest) {
		small := identity.Attempt{Provider: "github", ExpiresAt: t.clock.Now().Add(identity.AttemptTTL)}
		t.want(nil, t.KeepAttempt(t.Context(), hash(1), t.attempt()), "keeping")
		t.want(nil, t.KeepAttempt(t.Context(), hash(2), small), "keeping another")
		t.takes(1, t.attempt())
		t.takes(2, small)
	},
	"taken once": func(t *storeTest) {
		t.nothingToTake(1)
		t.want(nil, t.KeepAttempt(t.Context(), hash(1), t.attempt()), "keeping")
		t.nothingToTake(2)
		t.takes(1, t.attempt())
		t.nothingToTake(1)
		t.want(nil, t.KeepAttempt(t.Context(), hash(1), t.attempt()), "keeping it for a repetition")
		t.takes(1, t.attempt())
	},
	"another under the hash": func(t *storeTest) {
		t.want(nil, t.KeepAttempt(t.Context(), hash(1), t.attempt()), "keeping")
		other := t.attempt()
		other.Nonce = "another"
		t.want(identity.ErrExists, t.KeepAttempt(t.Context(), hash(1), other), "keeping another")
		t.want(nil, t.KeepAttempt(t.Context(), hash(1), t.attempt()), "keeping the same")
		t.takes(1, t.attempt())
	},
	"until it expires": func(t *storeTest) {
		a := t.attempt()
		for _, over := range []time.Duration{0, time.Hour} {
			a.ExpiresAt = t.clock.Now().Add(-over)
			t.want(nil, t.KeepAttempt(t.Context(), hash(1), a), "keeping what is over")
			t.nothingToTake(1)
		}
		// The attempt goes by the server's clock, which no test moves.
		a.ExpiresAt = t.clock.Now().Add(20 * time.Millisecond)
		t.want(nil, t.KeepAttempt(t.Context(), hash(1), a), "keeping it for a moment")
		other := t.attempt()
		for t.Context().Err() == nil {
			err := t.KeepAttempt(t.Context(), hash(1), other)
			if err == nil {
				break
			}
			if identity.ReasonOf(err) != "store_contended" { // it went between two commands
				t.want(identity.ErrExists, err, "keeping another")
			}
			time.Sleep(time.Millisecond)
		}
		t.takes(1, other)
	},
	"a hash that is none": func(t *storeTest) {
		for _, h := range []string{"", "a", strings.Repeat("A", 64), hash(1) + "}", strings.Repeat("{", 64)} {
			if err := t.KeepAttempt(t.Context(), h, t.attempt()); identity.CodeOf(err) != identity.CodeInternal {
				t.Errorf("keeping %q: got %v, want %s", h, err, identity.CodeInternal)
			}
			_, err := t.TakeAttempt(t.Context(), h)
			t.want(identity.ErrNotFound, err, "taking "+h)
		}
		if err := t.KeepAttempt(t.Context(), hash(1), identity.Attempt{ExpiresAt: t.clock.Now().Add(time.Hour)}); identity.CodeOf(err) != identity.CodeInternal {
			t.Errorf("of no provider: got %v, want %s", err, identity.CodeInternal)
		}
	},
	"50 at once take it once": func(t *storeTest) {
		t.want(nil, t.KeepAttempt(t.Context(), hash(1), t.attempt()), "keeping")
		taken := make([]identity.Attempt, 50)
		errs := t.parallel(len(taken), func(n int) (err error) {
			taken[n], err = t.TakeAttempt(t.Context(), hash(1))
			return err
		})
		if winner := t.oneSucceeds(errs, identity.ErrNotFound); !reflect.DeepEqual(taken[winner], storedAttempt(t.attempt())) {
			t.Errorf("took %+v", taken[winner])
		}
	},
	"50 others at once, one is kept": func(t *storeTest) {
		other := func(n int) identity.Attempt {
			a := t.attempt()
			a.Nonce = hash(n)
			return a
		}
		errs := t.parallel(50, func(n int) error { return t.KeepAttempt(t.Context(), hash(1), other(n)) })
		t.takes(1, other(t.oneSucceeds(errs, identity.ErrExists)))
	},
}

var attemptFaultTests = map[string]func(*storeTest){
	"KeepAttempt": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			fired, err := s.run(func() error { return s.KeepAttempt(s.Context(), hash(1), s.attempt()) })
			s.nilOrUnavailable(err, "keeping")
			s.want(nil, s.KeepAttempt(s.Context(), hash(1), s.attempt()), "keeping again")
			s.takes(1, s.attempt())
			return fired
		})
	},
	"TakeAttempt": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			s.want(nil, s.KeepAttempt(s.Context(), hash(1), s.attempt()), "keeping")
			var got identity.Attempt
			fired, err := s.run(func() (err error) { got, err = s.TakeAttempt(s.Context(), hash(1)); return err })
			s.nilOrUnavailable(err, "taking")
			again, errAgain := s.TakeAttempt(s.Context(), hash(1))
			switch {
			case err == nil && reflect.DeepEqual(got, storedAttempt(s.attempt())) && errors.Is(errAgain, identity.ErrNotFound):
			case err != nil && reflect.DeepEqual(got, identity.Attempt{}) && errAgain == nil && reflect.DeepEqual(again, storedAttempt(s.attempt())):
			case err != nil && s.fault.Lost && errors.Is(errAgain, identity.ErrNotFound):
			default:
				s.Fatalf("taking gave %+v, %v, and again %+v, %v", got, err, again, errAgain)
			}
			return fired
		})
	},
}
