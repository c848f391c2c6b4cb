package identitytest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func dropAll(identity.ProviderIdentity) bool { return true }

// dropping finishes the first reset of emailpass.
func (t *storeTest) dropping(id string, drop func(identity.ProviderIdentity) bool) error {
	return t.FinishReset(t.Context(), id, hash(1), t.entry("emailpass", "a@shop.example", "new"), t.nextSecond(), drop)
}

// hasAlone fails the test unless the identity has just those provider identities.
func (t *storeTest) hasAlone(id string, want ...string) {
	t.Helper()
	var got []string
	for provider := range t.get(id).Providers {
		got = append(got, provider)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Fatalf("%s has %q, want %q", id, got, want)
	}
}

var dropTests = map[string]func(*storeTest){
	"some": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.Providers["google"], i.Providers["sso"] = t.google(1), t.entry("sso", "1", "")
		t.create(i)
		t.want(nil, t.AddProvider(t.Context(), i.ID, t.entry("github", "1", ""), anytime), "adding")
		t.want(nil, t.AddProvider(t.Context(), i.ID, t.entry("oidc", "1", ""), anytime), "adding")
		t.openReset(i.ID, 1)
		for _, provider := range []string{"google", "sso"} {
			t.want(nil, t.OpenReset(t.Context(), i.ID, provider, t.reset(1)), "opening another reset")
		}
		asked := map[string]identity.ProviderIdentity{}
		t.want(nil, t.dropping(i.ID, func(p identity.ProviderIdentity) bool {
			asked[p.Provider] = p
			return p.Provider == "google" || p.Provider == "github"
		}), "finishing")
		google := i.Providers["google"]
		if p := asked["google"]; len(asked) != 4 || p.Key != google.Key || p.VerifiedEmail != google.VerifiedEmail {
			t.Errorf("asked about %+v", asked)
		}
		t.hasAlone(i.ID, "emailpass", "oidc", "sso")
		got := t.get(i.ID)
		if got.Providers["emailpass"].Credential.Reveal() != "new" || !got.ValidFrom.Equal(t.nextSecond()) {
			t.Errorf("read %+v", got)
		}
		for provider, want := range map[string]string{"google": "", "github": "", "oidc": i.ID, "sso": i.ID} {
			key := "1"
			if provider == "google" {
				key = subject
			}
			if found := t.foundOrFree(provider, key); found != want {
				t.Errorf("%s finds %q, want %q", provider, found, want)
			}
		}
		t.isOpen(i.ID)
		t.want(nil, t.CheckReset(t.Context(), i.ID, "sso", hash(1)), "checking the reset of what stays")
		other := t.create(t.person(2, "b@shop.example"))
		t.want(nil, t.AddProvider(t.Context(), other.ID, t.google(2), anytime), "adding it to another")
		t.taken(other.ID)
	},
	"none": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.Providers["google"] = t.google(1)
		t.create(i)
		t.openReset(i.ID, 1)
		t.want(nil, t.dropping(i.ID, func(identity.ProviderIdentity) bool { return false }), "finishing")
		t.taken(i.ID)
	},
	// An open reset of what is gone is none of what comes in its place.
	"and what comes again": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.AddProvider(t.Context(), i.ID, t.google(1), anytime), "adding")
		t.openReset(i.ID, 1)
		t.want(nil, t.OpenReset(t.Context(), i.ID, "google", t.reset(1)), "opening another reset")
		t.want(nil, t.dropping(i.ID, dropAll), "finishing")
		t.want(nil, t.AddProvider(t.Context(), i.ID, t.google(2), anytime), "adding again")
		t.want(identity.ErrNotFound, t.CheckReset(t.Context(), i.ID, "google", hash(1)), "checking its reset")
		t.taken(i.ID)
	},
	"nothing by a reset that is not open": func(t *storeTest) {
		i := t.create(t.person(1, "a@shop.example"))
		t.want(nil, t.AddProvider(t.Context(), i.ID, t.google(1), anytime), "adding")
		t.openReset(i.ID, 2)
		t.want(identity.ErrNotFound, t.dropping(i.ID, dropAll), "finishing another")
		t.want(identity.ErrNotFound, t.dropping("authid_01TEST", dropAll), "finishing nobody's")
		if got := t.get(i.ID); !got.ValidFrom.IsZero() || got.Providers["emailpass"].Credential.Reveal() != "hash 1" {
			t.Errorf("it had an effect: %+v", got)
		}
		t.isOpen(i.ID, 2)
		t.taken(i.ID)
	},
	"what is added meanwhile": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.Providers["sso"] = t.entry("sso", "1", "")
		t.create(i)
		t.openReset(i.ID, 1)
		asked := 0
		t.want(nil, t.dropping(i.ID, func(p identity.ProviderIdentity) bool {
			if asked++; asked == 1 {
				t.want(nil, t.AddProvider(t.Context(), i.ID, t.google(1), anytime), "adding")
			}
			return p.Provider == "google"
		}), "finishing")
		t.hasAlone(i.ID, "emailpass", "sso")
		t.linked("")
	},
	"what another says meanwhile": func(t *storeTest) {
		i := t.person(1, "a@shop.example")
		i.Providers["google"] = t.google(1)
		t.create(i)
		t.openReset(i.ID, 1)
		old := t.get(i.ID).Providers["google"]
		renewed := old
		renewed.VerifiedEmail = "eve@shop.example"
		asked := 0
		t.want(nil, t.dropping(i.ID, func(p identity.ProviderIdentity) bool {
			if asked++; asked == 1 {
				t.want(nil, t.ReplaceCredential(t.Context(), i.ID, old, renewed), "renewing")
			}
			return p.VerifiedEmail != old.VerifiedEmail
		}), "finishing")
		t.hasAlone(i.ID, "emailpass")
	},
	"while 20 are added": func(t *storeTest) {
		for range 5 {
			t := t.again()
			i := t.create(t.person(1, "a@shop.example"))
			t.want(nil, t.AddProvider(t.Context(), i.ID, t.entry("sso", "1", ""), anytime), "adding")
			t.openReset(i.ID, 1)
			errs := t.parallel(20, func(n int) error {
				if n == 0 {
					return t.dropping(i.ID, dropAll)
				}
				return t.AddProvider(t.Context(), i.ID, t.entry("google", fmt.Sprint(n), ""), anytime)
			})
			t.nilOrUnavailable(errs[0], "finishing")
			for n, err := range errs[1:] {
				if !errors.Is(err, identity.ErrLinked) {
					t.nilOrUnavailable(err, "adding")
				}
				want := ""
				if t.get(i.ID).Providers["google"].Key == fmt.Sprint(n+1) {
					want = i.ID
				}
				if found := t.foundOrFree("google", fmt.Sprint(n+1)); found != want {
					t.Errorf("%d finds %q, want %q", n+1, found, want)
				}
			}
			if _, has := t.get(i.ID).Providers["sso"]; has != (errs[0] != nil) {
				t.Errorf("finishing gave %v, dropped: %t", errs[0], !has)
			}
		}
	},
}

var dropFaultTests = map[string]func(*storeTest){
	"of what was added": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			s.want(nil, s.AddProvider(s.Context(), i.ID, s.google(1), anytime), "adding")
			return s.drop(i)
		})
	},
	"of what it was created with": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.person(1, "a@shop.example")
			i.Providers["google"] = s.google(1)
			return s.drop(s.create(i))
		})
	},
	"then it is added again": func(t *storeTest) {
		t.eachStep(func(s *step) bool {
			i := s.create(s.person(1, "a@shop.example"))
			s.want(nil, s.AddProvider(s.Context(), i.ID, s.google(1), anytime), "adding")
			s.openReset(i.ID, 1)
			fired, err := s.run(func() error { return s.dropping(i.ID, dropAll) })
			s.nilOrUnavailable(err, "finishing")
			s.want(nil, s.AddProvider(s.Context(), i.ID, s.google(2), anytime), "adding again")
			s.settledAs(i.ID, false)
			return fired
		})
	},
	// An addition whose process died is not completed after the reset.
	"of an addition that died": func(t *storeTest) {
		for n, died := 0, true; died; n++ {
			t.eachStep(func(s *step) bool {
				i := s.create(s.person(1, "a@shop.example"))
				died = s.died(n, func() error { return s.AddProvider(s.Context(), i.ID, s.google(1), anytime) })
				return s.drop(i)
			})
		}
	},
}

// drop finishes a reset that takes the subject away, and once more if that was
// not confirmed and not done.
func (s *step) drop(i *identity.Identity) (fired bool) {
	s.Helper()
	s.openReset(i.ID, 1)
	fired, err := s.run(func() error { return s.dropping(i.ID, dropAll) })
	s.nilOrUnavailable(err, "finishing")
	if changed := s.get(i.ID).ValidFrom.Equal(s.nextSecond()); !changed {
		if err == nil {
			s.Fatal("nothing was done")
		}
		if got := s.get(i.ID); !got.ValidFrom.Equal(time.Time{}) || got.Providers["emailpass"].Credential.Reveal() != "hash 1" {
			s.Fatalf("half of it was done: %+v", got)
		}
		s.isOpen(i.ID, 1)
		s.want(nil, s.dropping(i.ID, dropAll), "finishing again")
	}
	s.isOpen(i.ID)
	s.hasAlone(i.ID, "emailpass")
	s.linked("")
	s.settledAs(i.ID, true)
	return fired
}
