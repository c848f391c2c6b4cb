//go:build unix && medusa

package medusa

import (
	"net/http"
	"testing"
)

// event waits until there are that many events of that name whose field has that
// value, and returns the last.
func (s *medusa) event(t *testing.T, count int, name, field, value string) map[string]any {
	t.Helper()
	return s.AwaitEvents(t, count, name, field, value)[count-1]
}

// resetEvent waits for the first reset that somebody has asked for.
func (s *medusa) resetEvent(t *testing.T, email string) map[string]any {
	t.Helper()
	return s.event(t, 1, "auth.password_reset", "entity_id", email)
}

// invite has Medusa invite somebody and returns the token of the invite.
func (s *medusa) invite(t *testing.T, email string) string {
	t.Helper()
	return s.caller().Do(t, http.MethodPost, "/admin/invites", s.adminToken(t),
		map[string]string{"email": email}).Need(t, http.StatusOK).Field("invite.token")
}
