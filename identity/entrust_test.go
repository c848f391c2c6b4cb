package identity_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// entrust does what stands between the backend's request and its answer.
func (r *realm) entrust(t testing.TB, actorType, actorID, email, password string) error {
	t.Helper()
	p, err := r.EntryFor(t.Context(), actorType, email)
	if err != nil {
		t.Fatal(err)
	}
	return r.Entrust(t.Context(), actorType, actorID, p, password)
}

// entrusted returns the claims of a customer whose password was entrusted, and who
// has logged in with it.
func (r *realm) entrusted(t testing.TB) identity.Claims {
	t.Helper()
	if err := r.entrust(t, "customer", "cus_1", "ann@example.com", "old"); err != nil {
		t.Fatal(err)
	}
	c, err := r.login(t, "ann@example.com", "old")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// actor returns as whom the password logs in, "" if it does not.
func (r *realm) actor(t testing.TB, actorType, email, password string) string {
	t.Helper()
	l, err := r.Authenticate(t.Context(), actorType, "emailpass", credentials(email, password))
	if err != nil && identity.CodeOf(err) != identity.CodeUnauthorized {
		t.Fatal(err)
	}
	return l.Claims.ActorID
}

func TestEntrustMakesAnIdentity(t *testing.T) {
	t.Parallel()
	for _, actorType := range []string{"customer", "user"} {
		r := newRealm(t, nil)
		if err := r.entrust(t, actorType, "x_1", "Ann@example.com", "first"); err != nil {
			t.Fatal(err)
		}
		if got := r.actor(t, actorType, "ann@example.com", "first"); got != "x_1" {
			t.Errorf("%s: logged in as %q", actorType, got)
		}
		if err := r.entrust(t, actorType, "x_1", "ann@example.com", "second"); !errors.Is(err, identity.ErrExists) {
			t.Errorf("again: %v", err)
		}
		if err := r.entrust(t, actorType, "x_2", "ann@example.com", "second"); !errors.Is(err, identity.ErrLinked) {
			t.Errorf("another: %v", err)
		}
		if got := r.actor(t, actorType, "ann@example.com", "second"); got != "" {
			t.Errorf("the password of a refused attempt logs in %q", got)
		}
	}
}

// Who had the address before has proven nothing. A member of staff has.
func TestEntrustTakesTheAddressOver(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before, after string // actor types; "" for nobody yet
		taken         bool   // whether the new password is the one that counts
	}{
		"nobody's, by a user":      {"", "user", true},
		"nobody's, by a customer":  {"", "customer", true},
		"a customer's, by a user":  {"customer", "user", true},
		"a user's, by a customer":  {"user", "customer", false},
		"another's, by a customer": {"partner", "customer", true},
		"another's, by a user":     {"partner", "user", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			old := r.register(t, "ann@example.com", "old")
			if test.before != "" {
				if err := r.Link(t.Context(), old.IdentityID, test.before, "x_before"); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.entrust(t, test.after, "x_after", "ANN@example.com", "new"); err != nil {
				t.Fatal(err)
			}
			good, bad := "new", "old"
			if !test.taken {
				good, bad = bad, good
			}
			if got := r.actor(t, test.after, "ann@example.com", good); got != "x_after" {
				t.Errorf("logged in as %q", got)
			}
			if got := r.actor(t, test.after, "ann@example.com", bad); got != "" {
				t.Errorf("the other password logs in %q", got)
			}
			valid := r.identity(t, old.IdentityID).Valid(time.Unix(old.IssuedAt, 0))
			if valid == test.taken {
				t.Errorf("what was issued before is good: %t", valid)
			}
		})
	}
}

func TestEntrustRefuses(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	_, err := r.EntryFor(t.Context(), "user", "no address")
	wantAnswer(t, err, "invalid_data: email must be an email")
	p, err := r.EntryFor(t.Context(), "user", "ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, r.Entrust(t.Context(), "user", "", p, "new"), "invalid_data: The backend named no usable actor")
	wantAnswer(t, r.Entrust(t.Context(), "partner", "x", p, "new"), "invalid_data: The backend named no usable actor")
	wantAnswer(t, r.Entrust(t.Context(), "user", "usr_1", p, "a password that is too long"), answer(errPasswordTooLong))
	if got := r.actor(t, "user", "ann@example.com", "a password that is too long"); got != "" {
		t.Errorf("logged in as %q", got)
	}
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	if err := r.entrust(t, "customer", "cus_1", "Ann@example.com", "old"); err != nil {
		t.Fatal(err)
	}
	c, err := r.login(t, "ann@example.com", "old")
	if err != nil {
		t.Fatal(err)
	}
	if own, err := r.OwnAddress(t.Context(), c); err != nil || own != "ann@example.com" {
		t.Errorf("the address is %q, %v", own, err)
	}
	change, err := r.PrepareChange(t.Context(), c, "new")
	if err != nil {
		t.Fatal(err)
	}
	if got := r.actor(t, "customer", "ann@example.com", "old"); got != "cus_1" {
		t.Errorf("preparing changed something: %q", got)
	}
	fresh, err := r.ChangePassword(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	i := r.identity(t, c.IdentityID)
	if i.Valid(time.Unix(c.IssuedAt, 0)) || !i.Valid(time.Unix(fresh.IssuedAt, 0)) || fresh.ActorID != "cus_1" || fresh.ActorType != "customer" {
		t.Errorf("before %+v, after %+v, valid from %s", c, fresh, i.ValidFrom)
	}
	if len(r.told()) != 1 {
		t.Errorf("told %q", r.told())
	}
	if got := r.actor(t, "customer", "ann@example.com", "old"); got != "" {
		t.Errorf("the old password logs in %q", got)
	}
	if got := r.actor(t, "customer", "ann@example.com", "new"); got != "cus_1" {
		t.Errorf("the new password logs in %q", got)
	}
}

// A customer's credential must not be the way to become a member of staff.
func TestChangePasswordOfStaff(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	for actorType, id := range map[string]string{"customer": "cus_1", "user": "usr_1"} {
		if err := r.entrust(t, actorType, id, "ann@example.com", "old"); err != nil && !errors.Is(err, identity.ErrExists) {
			t.Fatal(err)
		}
	}
	c, err := r.login(t, "ann@example.com", "old")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.PrepareChange(t.Context(), c, "new")
	wantAnswer(t, err, "not_allowed: The password of this account can only be reset")
	c.ActorType = "user"
	if _, err := r.PrepareChange(t.Context(), c, "new"); err != nil {
		t.Errorf("a user's own: %v", err)
	}
}

// Without the store nothing begins, and nothing is said to be done.
func TestEntrustWithoutTheStore(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	c := r.entrusted(t)
	change, err := r.PrepareChange(t.Context(), c, "new")
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.EntryFor(t.Context(), "user", "bob@example.com")
	if err != nil {
		t.Fatal(err)
	}
	down := r.WithLegacy(identity.LegacyConfig{Logger: slog.New(slog.DiscardHandler)})
	down.Store = unreachable{}
	for name, call := range map[string]func(ctx context.Context) error{
		"EntryFor":       func(ctx context.Context) error { _, err := down.EntryFor(ctx, "user", "bob@example.com"); return err },
		"Entrust":        func(ctx context.Context) error { return down.Entrust(ctx, "user", "usr_1", p, "new") },
		"OwnAddress":     func(ctx context.Context) error { _, err := down.OwnAddress(ctx, c); return err },
		"PrepareChange":  func(ctx context.Context) error { _, err := down.PrepareChange(ctx, c, "new"); return err },
		"ChangePassword": func(ctx context.Context) error { _, err := down.ChangePassword(ctx, change); return err },
	} {
		if err := call(t.Context()); identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// unreachable is a store that cannot be asked.
type unreachable struct{ identity.Store }

func (unreachable) Find(context.Context, string, ...string) (*identity.Identity, error) {
	return nil, errDown
}
func (unreachable) Identity(context.Context, string) (*identity.Identity, error) { return nil, errDown }
