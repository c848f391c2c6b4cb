package identity_test

import (
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// A customer's request for another password that was under way when the address was
// given to a member of staff, or when everything was ended, changes nothing.
func TestChangePasswordWhenOvertaken(t *testing.T) {
	t.Parallel()
	for name, overtake := range map[string]func(t *testing.T, r *realm, c identity.Claims){
		"by an invite": func(t *testing.T, r *realm, _ identity.Claims) {
			if err := r.entrust(t, "user", "usr_1", "ann@example.com", "the user's"); err != nil {
				t.Fatal(err)
			}
		},
		"between the steps of an invite": func(t *testing.T, r *realm, c identity.Claims) {
			if err := r.Link(t.Context(), c.IdentityID, "user", "usr_1"); err != nil {
				t.Fatal(err)
			}
		},
		"by a revocation": func(t *testing.T, r *realm, c identity.Claims) {
			if err := r.Revoke(t.Context(), c.IdentityID); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRealm(t, nil)
			c := r.entrusted(t)
			change, err := r.PrepareChange(t.Context(), c, "a squatter's")
			if err != nil {
				t.Fatal(err)
			}
			r.forward(time.Minute)
			overtake(t, r, c)
			r.forward(time.Minute)
			if _, err := r.ChangePassword(t.Context(), change); identity.CodeOf(err) != identity.CodeUnavailable {
				t.Errorf("overtaken: %v", err)
			}
			for _, actorType := range []string{"user", "customer"} {
				if got := r.actor(t, actorType, "ann@example.com", "a squatter's"); got != "" {
					t.Errorf("the squatter logs in as %s", got)
				}
			}
		})
	}
}

// What a cache still believes does not change a password: the store is asked.
func TestPrepareChangeOfEndedClaims(t *testing.T) {
	t.Parallel()
	r := newRealm(t, nil)
	c := r.entrusted(t)
	if err := r.Revoke(t.Context(), c.IdentityID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.PrepareChange(t.Context(), c, "new"); identity.ReasonOf(err) != "revoked" {
		t.Errorf("got %v", err)
	}
	if _, err := r.OwnAddress(t.Context(), c); identity.ReasonOf(err) != "revoked" {
		t.Errorf("the address: %v", err)
	}
}
