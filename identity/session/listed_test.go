package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// The reply to a deletion got lost and it was sent again, or somebody was quicker:
// the session has ended, as was asked for.
func TestEndListedOfWhatHasJustEnded(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	c := claims("customer", "cus_1")
	started := login(t, m, "", c)
	id := session.PublicID(started.SID)
	store.before = func(_ context.Context, op, _ string) error {
		if op == "delete" {
			return identity.ErrNotFound
		}
		return nil
	}
	if sid, err := m.EndListed(t.Context(), c.IdentityID, time.Time{}, id); err != nil || sid != started.SID {
		t.Errorf("got %q, %v", sid, err)
	}
	store.before = nil
	if _, err := m.EndListed(t.Context(), c.IdentityID, time.Time{}, "ses_of_another"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("one that is not listed: %v", err)
	}
}
