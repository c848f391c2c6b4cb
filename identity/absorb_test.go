package identity_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const takenByAnother = "not_allowed: The google account belongs to another identity"

// annTwice returns the claims of Ann, who is a customer by her password, and
// those that she has from coming by google once, which made her nobody.
func (r *realm) annTwice(t testing.TB) (ann, nobody identity.Claims) {
	t.Helper()
	nobody, err := r.come(t, "google", "ann")
	if err != nil {
		t.Fatal(err)
	}
	ann = r.register(t, "ann@example.com", "secret")
	if err := r.Link(t.Context(), ann.IdentityID, "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	return ann, nobody
}

// isGone fails the test unless the identity is, and whoever caches it was told.
func (r *realm) isGone(t testing.TB, id string) {
	t.Helper()
	if i, err := r.store.Store.Identity(t.Context(), id); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("it is there: %+v, %v", i, err)
	}
	if told := r.told(); len(told) != 1 || told[0] != id {
		t.Errorf("told of %q", told)
	}
}

// Whoever came by google first can still make it a way to log in to the account
// that they have.
func TestLinkAbsorbsNobody(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	ann, nobody := r.annTwice(t)
	c, err := r.link(t, ann.IdentityID, "google", "ann")
	if err != nil || c.IdentityID != ann.IdentityID || c.ActorID != "cus_1" || c.Provider != "google" {
		t.Fatalf("%s, %v", encode(t, c), err)
	}
	r.isGone(t, nobody.IdentityID)
	_, err = r.Refresh(t.Context(), nobody)
	wantRefused(t, err, "unauthorized: Invalid auth identity while refreshing token", "identity_gone")
	if c, err := r.come(t, "google", "ann"); err != nil || c.IdentityID != ann.IdentityID || c.ActorID != "cus_1" {
		t.Errorf("%s, %v", encode(t, c), err)
	}
	if i := r.identity(t, ann.IdentityID); len(i.Providers) != 2 || !i.ValidFrom.IsZero() {
		t.Errorf("%+v", i)
	}
}

// Whoever is somebody stays so.
func TestLinkAbsorbsNobodyElse(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, r *realm, id string) error{
		"a customer": func(t *testing.T, r *realm, id string) error { return r.Link(t.Context(), id, "customer", "cus_2") },
		"a user":     func(t *testing.T, r *realm, id string) error { return r.Link(t.Context(), id, "user", "user_2") },
		"one with another way to log in": func(t *testing.T, r *realm, id string) error {
			_, err := r.link(t, id, "github", "ann")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			ann, other := r.annTwice(t)
			if err := change(t, r, other.IdentityID); err != nil {
				t.Fatal(err)
			}
			before := r.identity(t, other.IdentityID)
			_, err := r.link(t, ann.IdentityID, "google", "ann")
			wantRefused(t, err, takenByAnother, "provider_taken")
			if now := r.identity(t, other.IdentityID); fmt.Sprint(now) != fmt.Sprint(before) || len(r.told()) != 0 {
				t.Errorf("%+v, was %+v; told of %q", now, before, r.told())
			}
		})
	}
}

// What happens between the steps of linking.
func TestAbsorbMeanwhile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after string // a call of the store, the first time
		do    func(t *testing.T, r *realm, nobody string) error
		want  string
	}{
		"it becomes a customer": {"Find", func(t *testing.T, r *realm, nobody string) error {
			return r.Link(t.Context(), nobody, "customer", "cus_2")
		}, takenByAnother},
		"it is absorbed by another request": {"Find", func(t *testing.T, r *realm, nobody string) error {
			return r.store.Store.DeleteBare(t.Context(), nobody, "google")
		}, "ok"},
		"the person comes by google again": {"DeleteBare", func(t *testing.T, r *realm, _ string) error {
			_, err := r.come(t, "google", "ann")
			return err
		}, "ok"},
		"somebody else links it": {"DeleteBare", func(t *testing.T, r *realm, _ string) error {
			_, err := r.link(t, r.register(t, "bob@example.com", "secret").IdentityID, "google", "ann")
			return err
		}, takenByAnother},
		"the one to be linked is deleted": {"DeleteBare", func(t *testing.T, r *realm, _ string) error {
			return r.Unlink(t.Context(), "customer", "cus_1")
		}, "unauthorized"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			ann, nobody := r.annTwice(t)
			var once sync.Once
			r.store.after = func(method string) {
				if method == test.after {
					once.Do(func() {
						if err := test.do(t, r, nobody.IdentityID); err != nil {
							t.Error(err)
						}
					})
				}
			}
			c, err := r.link(t, ann.IdentityID, "google", "ann")
			wantAnswer(t, err, test.want)
			if found, finding := r.store.Store.Find(t.Context(), "google", "ann"); test.want == "ok" && (finding != nil || found.ID != ann.IdentityID || c.IdentityID != found.ID) {
				t.Errorf("found %+v, %v; linked to %s", found, finding, c.IdentityID)
			}
		})
	}
}

// Somebody who keeps coming by google meanwhile holds it up, and no longer.
func TestAbsorbContended(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	ann, _ := r.annTwice(t)
	in := back(r.begin(t, "google", identity.Input{LinkTo: ann.IdentityID}), "ann")
	in.Person = person(ann.IdentityID, nil)
	r.store.after = func(method string) {
		if method == "DeleteBare" {
			if _, err := r.come(t, "google", "ann"); err != nil {
				t.Error(err)
			}
		}
	}
	_, err := r.Callback(t.Context(), "customer", "google", in)
	wantRefused(t, err, unavailable, "identity_contended")
	r.store.after = nil
	if l, err := r.Callback(t.Context(), "customer", "google", in); err != nil || l.Claims.IdentityID != ann.IdentityID {
		t.Errorf("%+v, %v", l, err)
	}
}

// Many link it at once, and some come by it: one has it in the end.
func TestAbsorbAtOnce(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]bool{"one person": true, "several": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			ann, _ := r.annTwice(t)
			const many = 8
			ids, answers := make([]string, many), make([]string, many)
			ins := make([]identity.Input, many)
			for n := range many {
				if ids[n] = ann.IdentityID; !one {
					ids[n] = r.register(t, fmt.Sprint(n, "@example.com"), "secret").IdentityID
				}
				ins[n] = back(r.begin(t, "google", identity.Input{LinkTo: ids[n]}), "ann")
				ins[n].Person = person(ids[n], nil)
			}
			coming := back(r.begin(t, "google", identity.Input{}), "ann")
			var crowd sync.WaitGroup
			for n := range many {
				crowd.Go(func() {
					_, err := r.Callback(context.WithoutCancel(t.Context()), "customer", "google", ins[n])
					answers[n] = answer(err)
				})
			}
			crowd.Go(func() { _, _ = r.Callback(context.WithoutCancel(t.Context()), "customer", "google", coming) })
			crowd.Wait()
			owner, err := r.store.Store.Find(t.Context(), "google", "ann")
			if err != nil {
				t.Fatal(err)
			}
			for n, got := range answers {
				want := takenByAnother
				if ids[n] == owner.ID {
					want = "ok"
				}
				if _, has := r.identity(t, ids[n]).Providers["google"]; got != want && got != unavailable || has != (ids[n] == owner.ID) {
					t.Errorf("%d: %q, want %q; it has it: %v", n, got, want, has)
				}
			}
		})
	}
}

// Whichever step fails, or only its answer is lost, the person links again and
// has it.
func TestAbsorbWhileDown(t *testing.T) {
	t.Parallel()
	const reading = "Identity, at the end"
	for _, method := range []string{"Identity", "AddProvider", "Find", "DeleteBare", reading} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, answer lost: %v", method, lost), func(t *testing.T) {
				t.Parallel()
				r := newRealm(t, nil)
				ann, nobody := r.annTwice(t)
				in := back(r.begin(t, "google", identity.Input{LinkTo: ann.IdentityID}), "ann")
				in.Person = person(ann.IdentityID, nil)
				r.store.lost = lost
				r.store.fails(errDown, method)
				if method == reading {
					r.store.after = func(done string) {
						if done == "DeleteBare" {
							r.store.fails(errDown, "Identity")
						}
					}
				}
				_, err := r.Callback(t.Context(), "customer", "google", in)
				wantRefused(t, err, unavailable, "store_refused")
				if told := r.told(); (len(told) > 0) != (method == reading) {
					t.Errorf("told of %q", told)
				}
				r.store.fails(nil)
				if l, err := r.Callback(t.Context(), "customer", "google", in); err != nil || l.Claims.IdentityID != ann.IdentityID {
					t.Errorf("%+v, %v", l, err)
				}
				if _, err := r.store.Store.Identity(t.Context(), nobody.IdentityID); !errors.Is(err, identity.ErrNotFound) {
					t.Errorf("nobody: %v", err)
				}
			})
		}
	}
	// The process died when the key was free: it is anybody's who is vouched for.
	r := newRealm(t, nil)
	ann, nobody := r.annTwice(t)
	if err := r.store.DeleteBare(t.Context(), nobody.IdentityID, "google"); err != nil {
		t.Fatal(err)
	}
	if c, err := r.come(t, "google", "ann"); err != nil || c.IdentityID == ann.IdentityID || c.ActorID != "" {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := r.link(t, ann.IdentityID, "google", "ann"); err != nil || c.IdentityID != ann.IdentityID {
		t.Errorf("%+v, %v", c, err)
	}
}
