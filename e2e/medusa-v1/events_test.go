//go:build unix && medusa

package medusav1

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"
)

// eventTimeout is how long Medusa may take to tell its subscribers, which it does
// every three seconds. Only an event that never comes reaches it.
const eventTimeout = time.Minute

// event waits for the last event of that name whose field has that value, and
// returns its token.
func (s *medusa) event(t *testing.T, name, field, value string) string {
	t.Helper()
	for late := time.After(eventTimeout); ; {
		text, err := os.ReadFile(s.events)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		token := ""
		for line := range bytes.Lines(text) {
			var e struct {
				Name string
				Data map[string]any
			}
			if bytes.HasSuffix(line, []byte("\n")) && json.Unmarshal(line, &e) == nil && e.Name == name && e.Data[field] == value {
				token, _ = e.Data["token"].(string)
			}
		}
		if token != "" {
			return token
		}
		select {
		case <-late:
			t.Fatalf("Medusa emitted no %s for %s", name, value)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
