package identity_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func nothing(context.Context, identity.Claims, time.Time) error { return nil }

func TestRevoke(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	ann := r.register(t, "ann@example.com", "secret")
	bob := r.register(t, "bob@example.com", "secret")
	if err := r.Revoke(t.Context(), ann.IdentityID); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.told(), []string{ann.IdentityID}) {
		t.Errorf("told of %q", r.told())
	}
	_, err := r.Current(t.Context(), ann)
	wantAnswer(t, err, "unauthorized")
	if _, err := r.Current(t.Context(), bob); err != nil {
		t.Error(err)
	}
	again, err := r.Authenticate(t.Context(), "customer", "emailpass", credentials("ann@example.com", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Current(t.Context(), again.Claims); err != nil {
		t.Errorf("logged in afterwards: %v", err)
	}
	if err := r.Revoke(t.Context(), "authid_nobody"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}

func TestCurrent(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	ann := r.register(t, "ann@example.com", "secret")
	waiting := ann
	waiting.MFAEnabled = true
	_, err := r.Current(t.Context(), waiting)
	wantAnswer(t, err, "unauthorized")
	waiting.MFACompleted = &identity.Time{Time: start}
	if i, err := r.Current(t.Context(), waiting); err != nil || i.ID != ann.IdentityID {
		t.Errorf("got %v, %v", i, err)
	}
	_, err = r.Current(t.Context(), identity.Claims{})
	wantAnswer(t, err, "unauthorized")
}

func TestRevokeOthers(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	ann := r.register(t, "ann@example.com", "secret")
	if err := r.Link(t.Context(), ann.IdentityID, "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	other := ann
	var kept identity.Claims
	err := r.RevokeOthers(t.Context(), ann, func(ctx context.Context, fresh identity.Claims, validFrom time.Time) error {
		if !validFrom.IsZero() {
			t.Errorf("claims held since %v", validFrom)
		}
		if _, err := r.Current(ctx, other); err != nil {
			t.Errorf("before anything was kept: %v", err)
		}
		kept = fresh
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if kept.IdentityID != ann.IdentityID || kept.ActorID != "cus_1" || kept.ActorType != "customer" || kept.Provider != "emailpass" || kept.IssuedAt <= ann.IssuedAt {
		t.Errorf("kept %+v", kept)
	}
	if _, err := r.Current(t.Context(), kept); err != nil {
		t.Errorf("what was kept: %v", err)
	}
	_, err = r.Current(t.Context(), other)
	wantAnswer(t, err, "unauthorized")
	wantAnswer(t, r.RevokeOthers(t.Context(), other, nothing), "unauthorized")
	if _, err := r.Current(t.Context(), kept); err != nil {
		t.Errorf("after who was revoked tried: %v", err)
	}
}

// What cannot be kept ends nothing.
func TestRevokeOthersKeepsNothing(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	ann := r.register(t, "ann@example.com", "secret")
	wantAnswer(t, r.RevokeOthers(t.Context(), ann, func(context.Context, identity.Claims, time.Time) error { return errDown }), unavailable)
	if _, err := r.Current(t.Context(), ann); err != nil || len(r.told()) > 0 {
		t.Errorf("got %v, told of %q", err, r.told())
	}
}

// Whoever is revoked while they revoke others does not outlive it, at whatever
// moment it comes.
func TestRevokeOthersIsOvertaken(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Identity", "Keep"} {
		r := newRealm(t, nil)
		ann := r.register(t, "ann@example.com", "secret")
		var kept identity.Claims
		r.store.after = func(called string) {
			if called != method {
				return
			}
			if err := r.store.Store.Revoke(t.Context(), ann.IdentityID, start.Truncate(time.Second).Add(time.Second)); err != nil {
				t.Error(err)
			}
		}
		err := r.RevokeOthers(t.Context(), ann, func(_ context.Context, fresh identity.Claims, _ time.Time) error {
			kept = fresh
			return nil
		})
		wantAnswer(t, err, "unauthorized")
		if kept.IdentityID != "" {
			_, err := r.Current(t.Context(), kept)
			wantAnswer(t, err, "unauthorized")
		}
	}
}

// Somebody who is to end does not stay by keeping theirs and then breaking off.
func TestRevokeOthersBesideWhoBreaksOff(t *testing.T) {
	t.Parallel()
	for _, once := range []bool{true, false} {
		r := newRealm(t, nil)
		ann := r.register(t, "ann@example.com", "secret")
		thief := ann
		keeps := 0
		r.store.after = func(called string) {
			if called != "Keep" || once && keeps > 0 {
				return
			}
			keeps++
			at, err := r.store.Store.Keep(t.Context(), ann.IdentityID, start, start)
			if err != nil {
				t.Error(err)
			}
			thief.IssuedAt = at.Unix()
		}
		var kept identity.Claims
		err := r.RevokeOthers(t.Context(), ann, func(_ context.Context, fresh identity.Claims, _ time.Time) error {
			kept = fresh
			return nil
		})
		if !once {
			wantAnswer(t, err, unavailable)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Current(t.Context(), thief)
		wantAnswer(t, err, "unauthorized")
		if _, err := r.Current(t.Context(), kept); err != nil {
			t.Errorf("what was kept: %v", err)
		}
	}
}

// All who have an actor lose it, and every node hears of each of them.
func TestUnlinkTellsOfAll(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	ids := []string{r.register(t, "ann@example.com", "secret").IdentityID, r.register(t, "bob@example.com", "secret").IdentityID}
	for _, id := range ids {
		if err := r.Link(t.Context(), id, "customer", "cus_1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Unlink(t.Context(), "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(slices.Values(r.told())); !slices.Equal(got, ids) {
		t.Errorf("told of %q, want %q", got, ids)
	}
}
