package identitytest

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

var revokeTests = map[string]func(*storeTest){
	"of nobody": func(t *storeTest) {
		for _, id := range []string{"authid_01TEST", "", "{}", "a}{b"} {
			t.want(identity.ErrNotFound, t.Revoke(t.Context(), id, t.nextSecond()), "revoking")
			t.want(identity.ErrNotFound, t.RevokeOthers(t.Context(), id, t.nextSecond()), "revoking others")
			_, err := t.Keep(t.Context(), id, t.nextSecond(), anytime)
			t.want(identity.ErrNotFound, err, "keeping")
		}
		_, err := t.Identity(t.Context(), "authid_01TEST")
		t.want(identity.ErrNotFound, err, "reading who is not there")
	},
	"raises ValidFrom and nothing else": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.AppMetadata = identity.Metadata{"customer_id": json.RawMessage(`"cus_1"`)}
		t.create(i)
		t.want(nil, t.Revoke(t.Context(), i.ID, t.nextSecond()), "revoking")
		got := t.get(i.ID)
		if !got.ValidFrom.Equal(t.nextSecond()) || got.ActorID("customer") != "cus_1" || got.Providers["emailpass"].Credential.Reveal() != "hash 1" {
			t.Errorf("read %+v", got)
		}
	},
	"is never lowered": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		late := t.nextSecond().Add(time.Hour)
		t.want(nil, t.Revoke(t.Context(), i.ID, late), "revoking")
		for n, earlier := range []time.Time{late, t.nextSecond(), {}} {
			t.want(nil, t.Revoke(t.Context(), i.ID, earlier), "revoking earlier")
			if got, want := t.get(i.ID).ValidFrom, late.Add(time.Duration(n+1)*time.Second); !got.Equal(want) {
				t.Errorf("ValidFrom is %v, want %v", got, want)
			}
		}
	},
	"20 at once raise it 20 times": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		for _, err := range t.parallel(20, func(int) error { return t.Revoke(t.Context(), i.ID, t.nextSecond()) }) {
			t.want(nil, err, "revoking")
		}
		if got, want := t.get(i.ID).ValidFrom, t.nextSecond().Add(19*time.Second); !got.Equal(want) {
			t.Errorf("ValidFrom is %v, want %v", got, want)
		}
	},
	"what is kept outlives its own revocation": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		kept := t.keep(i.ID, t.nextSecond())
		if !t.get(i.ID).ValidFrom.IsZero() {
			t.Error("keeping ended credentials")
		}
		for range 2 { // an answer may be lost
			t.want(nil, t.RevokeOthers(t.Context(), i.ID, kept), "revoking others")
			if got := t.get(i.ID); !got.ValidFrom.Equal(kept) || !got.Valid(kept) {
				t.Errorf("ValidFrom is %v, kept %v", got.ValidFrom, kept)
			}
		}
	},
	"what is kept is later than all before": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		first := t.keep(i.ID, t.nextSecond())
		if !first.Equal(t.nextSecond()) {
			t.Errorf("kept %v, want %v", first, t.nextSecond())
		}
		if second := t.keep(i.ID, t.nextSecond()); !second.After(first) {
			t.Errorf("kept %v after %v", second, first)
		}
		t.want(nil, t.Revoke(t.Context(), i.ID, t.nextSecond().Add(30*time.Second)), "revoking")
		if third := t.keep(i.ID, t.nextSecond()); !third.After(t.get(i.ID).ValidFrom) {
			t.Errorf("kept %v, ValidFrom is %v", third, t.get(i.ID).ValidFrom)
		}
	},
	// Whoever does nothing else would have claims from the future.
	"what is kept does not outrun time": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		earliest := t.nextSecond()
		latest := earliest.Add(identity.MaxKeepAhead)
		for want := earliest; !want.After(latest); want = want.Add(time.Second) {
			kept := t.keep(i.ID, earliest)
			if !kept.Equal(want) {
				t.Fatalf("kept %v, want %v", kept, want)
			}
			t.want(nil, t.RevokeOthers(t.Context(), i.ID, kept), "revoking others")
		}
		for range 2 { // what is refused is no second further
			t.limited(i.ID, earliest, time.Second)
		}
		if got := t.get(i.ID); !got.ValidFrom.Equal(latest) {
			t.Errorf("ValidFrom is %v, want %v", got.ValidFrom, latest)
		}
		if kept, want := t.keep(i.ID, earliest.Add(time.Second)), latest.Add(time.Second); !kept.Equal(want) {
			t.Errorf("a second later kept %v, want %v", kept, want)
		}
		t.limited(i.ID, earliest.Add(time.Second), time.Second) // though nothing was revoked by it
		t.want(nil, t.Revoke(t.Context(), i.ID, earliest), "revoking all")
		if got, want := t.get(i.ID).ValidFrom, latest.Add(2*time.Second); !got.Equal(want) {
			t.Errorf("ValidFrom is %v, want %v", got, want)
		}
	},
	"20 that keep at once do not outrun time": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		latest := t.nextSecond().Add(identity.MaxKeepAhead)
		t.want(nil, t.Revoke(t.Context(), i.ID, latest.Add(-5*time.Second)), "revoking")
		kept := 0
		for _, err := range t.parallel(20, func(int) error { _, err := t.Keep(t.Context(), i.ID, t.nextSecond(), anytime); return err }) {
			if err == nil {
				kept++
			} else if identity.CodeOf(err) != identity.CodeLimited {
				t.Errorf("keeping: %v", err)
			}
		}
		if kept != 5 {
			t.Errorf("%d kept theirs, want 5", kept)
		}
	},
	// As after a revocation by a clock that was wrong.
	"what would be kept far ahead is refused for as long": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.Revoke(t.Context(), i.ID, t.nextSecond().Add(time.Hour)), "revoking")
		t.limited(i.ID, t.nextSecond(), time.Hour+time.Second-identity.MaxKeepAhead)
		t.want(nil, t.Revoke(t.Context(), i.ID, t.nextSecond()), "revoking all")
		_, err := t.Keep(t.Context(), i.ID, t.nextSecond(), t.nextSecond())
		t.want(identity.ErrStale, err, "keeping after a revocation") // no matter how far
	},
	"who was revoked keeps nothing": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.Revoke(t.Context(), i.ID, t.nextSecond()), "revoking")
		validFrom := t.get(i.ID).ValidFrom
		_, err := t.Keep(t.Context(), i.ID, t.nextSecond(), validFrom.Add(-time.Second))
		t.want(identity.ErrStale, err, "keeping")
		kept, err := t.Keep(t.Context(), i.ID, t.nextSecond(), validFrom)
		t.want(nil, err, "keeping")
		if want := validFrom.Add(time.Second); !kept.Equal(want) {
			t.Errorf("kept %v, want %v", kept, want)
		}
	},
	// Nobody outlives a revocation by asking for one of their own in the same second.
	"every other revocation ends what is kept": func(t *storeTest) {
		for name, revoke := range map[string]func(t *storeTest, id string) error{
			"Revoke": func(t *storeTest, id string) error { return t.Revoke(t.Context(), id, t.nextSecond()) },
			"FinishReset": func(t *storeTest, id string) error {
				t.openReset(id, 1)
				return t.FinishReset(t.Context(), id, hash(1), t.entry("emailpass", "a@shop.example", "new"), t.nextSecond(), nil)
			},
			"RemoveProvider": func(t *storeTest, id string) error {
				t.want(nil, t.AddProvider(t.Context(), id, t.entry("google", "1", ""), anytime), "adding a provider")
				return t.RemoveProvider(t.Context(), id, "google", t.nextSecond())
			},
			"Unlink": func(t *storeTest, id string) error {
				_, err := t.Unlink(t.Context(), "customer", "cus_1", t.nextSecond())
				return err
			},
			"RevokeOthers": func(t *storeTest, id string) error {
				return t.RevokeOthers(t.Context(), id, t.keep(id, t.nextSecond()))
			},
		} {
			t := t.again()
			i := t.person(1, "a@shop.example")
			i.AppMetadata = identity.Metadata{"customer_id": json.RawMessage(`"cus_1"`), "user_id": json.RawMessage(`"user_1"`)}
			t.create(i)
			kept := t.keep(i.ID, t.nextSecond())
			t.want(nil, revoke(t, i.ID), name)
			if got := t.get(i.ID); got.Valid(kept) {
				t.Errorf("%s: ValidFrom is %v, and kept is %v", name, got.ValidFrom, kept)
			}
			t.want(identity.ErrStale, t.RevokeOthers(t.Context(), i.ID, kept), "revoking others after "+name)
		}
	},
	"what was kept later and not used is not left": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		first, second := t.keep(i.ID, t.nextSecond()), t.keep(i.ID, t.nextSecond())
		t.want(identity.ErrStale, t.RevokeOthers(t.Context(), i.ID, first), "revoking others")
		if got := t.get(i.ID); !got.ValidFrom.IsZero() {
			t.Errorf("ValidFrom is %v", got.ValidFrom)
		}
		t.want(nil, t.RevokeOthers(t.Context(), i.ID, second), "revoking others later")
	},
	"20 that keep at once leave one": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		kept := make([]time.Time, 20)
		errs := t.parallel(20, func(n int) (err error) {
			if kept[n], err = t.Keep(t.Context(), i.ID, t.nextSecond(), anytime); err != nil {
				return err
			}
			return t.RevokeOthers(t.Context(), i.ID, kept[n])
		})
		good := 0
		for n, at := range kept {
			if errs[n] != nil {
				t.want(identity.ErrStale, errs[n], "revoking others")
			}
			if t.get(i.ID).Valid(at) {
				good++
				t.want(nil, errs[n], "revoking others")
			}
		}
		if good != 1 {
			t.Errorf("%d of %v hold, ValidFrom is %v", good, kept, t.get(i.ID).ValidFrom)
		}
	},
}

func (t *storeTest) keep(id string, earliest time.Time) time.Time {
	t.Helper()
	kept, err := t.Keep(t.Context(), id, earliest, anytime)
	t.want(nil, err, "keeping")
	if kept.Before(earliest) || kept != kept.Truncate(time.Second) {
		t.Fatalf("kept %v, want %v or later", kept, earliest)
	}
	return kept
}

// limited wants a refusal for that long.
func (t *storeTest) limited(id string, earliest time.Time, wait time.Duration) {
	t.Helper()
	kept, err := t.Keep(t.Context(), id, earliest, anytime)
	if e, ok := errors.AsType[*identity.Error](err); !ok || e.Code != identity.CodeLimited || e.RetryAfter != wait || !kept.IsZero() {
		t.Errorf("keeping: got %v, %#v; want a refusal for %v", kept, err, wait)
	}
}

var revokeFaultTests = map[string]func(*storeTest){
	"Revoke": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			fired, err := s.run(func() error { return s.Revoke(s.Context(), i.ID, s.nextSecond()) })
			s.nilOrUnavailable(err, "revoking")
			if s.get(i.ID).ValidFrom.IsZero() && err == nil {
				s.Error("not revoked")
			}
			s.want(nil, s.Revoke(s.Context(), i.ID, s.nextSecond()), "revoking again")
			if s.get(i.ID).ValidFrom.Before(s.nextSecond()) {
				s.Error("not revoked after all")
			}
			return fired
		})
	},
	"RevokeOthers": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			var kept time.Time
			fired, err := s.run(func() (err error) {
				if kept, err = s.Keep(s.Context(), i.ID, s.nextSecond(), anytime); err != nil {
					return err
				}
				return s.RevokeOthers(s.Context(), i.ID, kept)
			})
			s.nilOrUnavailable(err, "revoking others")
			got := s.get(i.ID)
			if err == nil && !got.ValidFrom.Equal(kept) {
				s.Errorf("ValidFrom is %v, want %v", got.ValidFrom, kept)
			}
			if !kept.IsZero() && !got.Valid(kept) {
				s.Error("what was kept ended")
			}
			again := s.keep(i.ID, s.nextSecond())
			s.want(nil, s.RevokeOthers(s.Context(), i.ID, again), "revoking others again")
			if got := s.get(i.ID); !got.ValidFrom.Equal(again) || !kept.IsZero() && got.Valid(kept) {
				s.Errorf("ValidFrom is %v, want %v", got.ValidFrom, again)
			}
			return fired
		})
	},
}
