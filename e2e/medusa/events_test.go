//go:build unix && medusa

package medusa

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"
)

// eventTimeout is how long Medusa may take to tell its subscribers. Only an event
// that never comes reaches it.
const eventTimeout = time.Minute

// event is what the shop's subscriber was told.
type event struct {
	Name string
	Data map[string]any
}

// happened returns the events of that name so far whose field has that value.
func (s *medusa) happened(t *testing.T, name, field, value string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(s.events)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var found []map[string]any
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("event %s: %v", line, err)
		}
		if e.Name == name && e.Data[field] == value {
			found = append(found, e.Data)
		}
	}
	return found
}

// event waits until there are that many such events, and returns the last.
func (s *medusa) event(t *testing.T, count int, name, field, value string) map[string]any {
	t.Helper()
	for late := time.After(eventTimeout); ; {
		if found := s.happened(t, name, field, value); len(found) >= count {
			return found[count-1]
		}
		select {
		case <-late:
			t.Fatalf("Medusa emitted no %s for %s", name, value)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// resetEvent waits for the first reset that somebody has asked for.
func (s *medusa) resetEvent(t *testing.T, email string) map[string]any {
	t.Helper()
	return s.event(t, 1, "auth.password_reset", "entity_id", email)
}

// invite has Medusa invite somebody and returns the token of the invite.
func (s *medusa) invite(t *testing.T, email string) string {
	t.Helper()
	return s.caller().do(t, http.MethodPost, "/admin/invites", s.adminToken(t),
		map[string]string{"email": email}).Need(t, http.StatusOK).Field("invite.token")
}
