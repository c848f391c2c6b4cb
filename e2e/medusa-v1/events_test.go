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
		if tokens := s.tokens(t, name, field, value); len(tokens) > 0 {
			return tokens[len(tokens)-1]
		}
		select {
		case <-late:
			t.Fatalf("Medusa emitted no %s for %s", name, value)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tokens are those of the events of that name, until now, whose field has that value.
func (s *medusa) tokens(t *testing.T, name, field, value string) (tokens []string) {
	t.Helper()
	text, err := os.ReadFile(s.events)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var e struct {
			Name string
			Data map[string]any
		}
		if !bytes.HasSuffix(line, []byte("\n")) || json.Unmarshal(line, &e) != nil || e.Name != name || e.Data[field] != value {
			continue
		}
		if token, ok := e.Data["token"].(string); ok {
			tokens = append(tokens, token)
		}
	}
	return tokens
}
