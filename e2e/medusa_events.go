//go:build unix

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"
)

// Events returns the data of the events of that name so far, as a subscriber of the
// shop was told, whose field has that value.
func (m *Medusa) Events(t *testing.T, name, field, value string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(m.events)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var found []map[string]any
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		var event struct {
			Name string
			Data map[string]any
		}
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatalf("event %s: %v", line, err)
		}
		if event.Name == name && event.Data[field] == value {
			found = append(found, event.Data)
		}
	}
	return found
}

// AwaitEvents waits until there are that many such events, and returns all.
func (m *Medusa) AwaitEvents(t *testing.T, count int, name, field, value string) []map[string]any {
	t.Helper()
	for late := time.After(FaultTimeout); ; {
		if found := m.Events(t, name, field, value); len(found) >= count {
			return found
		}
		select {
		case <-late:
			t.Fatalf("Medusa emitted no %s for %s", name, value)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
