package identity_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// A reset while a link is on its way ends it, wherever it is: what proved the
// person is good no more. (attacks.md D10)
func TestLinkIsOvertakenByAReset(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"asking for the person", "asking the third party", "adding"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			id := r.register(t, "ann@example.com", "secret").IdentityID
			reset(t, r, "ann@example.com", "proven") // so that the next one takes nothing away
			r.forward(time.Minute)
			in := back(r.begin(t, "google", identity.Input{LinkTo: id}), "eve")
			once := sync.OnceFunc(func() {
				reset(t, r, "ann@example.com", "changed")
				r.forward(time.Minute)
			})
			in.Person = func(context.Context) (string, error) {
				if when == "asking for the person" { // who was proven just before
					once()
				}
				return id, nil
			}
			switch when {
			case "asking the third party":
				r.google.during = once
			case "adding":
				r.store.after = func(method string) {
					if method == "AddProvider" {
						once()
					}
				}
			}
			l, err := r.Callback(t.Context(), "customer", "google", in)
			i := r.identity(t, id)
			if when != "adding" {
				wantRefused(t, err, otherPerson, "link_other_person")
				hasProviders(t, i, "emailpass")
				return
			}
			if err != nil || l.Claims.IssuedAt >= i.ValidFrom.Unix() {
				t.Errorf("issued at %d, valid from %d, %v", l.Claims.IssuedAt, i.ValidFrom.Unix(), err)
			}
			_, err = r.Refresh(t.Context(), l.Claims)
			wantRefused(t, err, "unauthorized", "revoked")
		})
	}
}

// A reset before a link began is none of its business.
func TestLinkAfterAReset(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	id := r.register(t, "ann@example.com", "secret").IdentityID
	reset(t, r, "ann@example.com", "changed")
	c, err := r.link(t, id, "google", "ann") // in the same second
	if err != nil || c.IdentityID != id {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := r.Refresh(t.Context(), c); err != nil {
		t.Error(err)
	}
}
