package httpapi_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// TestGolden replays the exchanges that were recorded from a real Medusa
// against everything that is behind the routes here. Each has a server of its
// own, with the state and the time of the recording. Answers are compared byte
// by byte; those that differ on purpose are listed, with the reason, and must
// be exactly what the list says.
func TestGolden(t *testing.T) {
	t.Parallel()
	recording := goldenRecording(t)
	differences := goldenDifferences(t, recording)
	classes := map[string]int{}
	matched, different := 0, 0
	for _, e := range recording {
		class := e.class()
		if class == "" {
			t.Errorf("%q (%s %s) is of no class", e.Name, e.Request.Method, e.Request.Path)
		}
		classes[class]++
		if class != goldenReplayed {
			continue
		}
		expected, differs := differences[e.Name]
		if !differs {
			expected = e.answer()
		}
		delete(differences, e.Name)
		passed := t.Run(e.Name, func(t *testing.T) { replayGolden(t, e, recording, expected) })
		switch {
		case passed && differs:
			different++
		case passed:
			matched++
		}
	}
	for name := range differences {
		t.Errorf("differences.json: %q is not replayed", name)
	}
	want := map[string]int{
		goldenReplayed: 191, goldenMFA: 37,
		goldenStore: 49, goldenAdmin: 40, goldenOther: 4,
	}
	if !maps.Equal(classes, want) { // so that no exchange slips out of the replay
		t.Errorf("got %v, want %v", classes, want)
	}
	summary := fmt.Sprintf("%d exchanges: %d matched, %d different on purpose", len(recording), matched, different)
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		if class != goldenReplayed {
			summary += fmt.Sprintf(", %d %s", classes[class], class)
		}
	}
	t.Log(summary)
}

// The recorded server had lists for `user` and `customer` alone, and took any
// other actor type. Without lists, so do we.
func TestGoldenWithoutActors(t *testing.T) {
	t.Parallel()
	recording := goldenRecording(t)
	for _, name := range []string{
		"register: actor type with other case",
		"login: customer identity through an unknown actor type",
		"login: unknown provider, actor without allow list",
		"refresh: GET",
	} {
		e := goldenByName(t, recording, name)
		e.noActors = true
		t.Run(name, func(t *testing.T) { replayGolden(t, e, recording, e.answer()) })
	}
}

func replayGolden(t *testing.T, e *goldenExchange, recording []*goldenExchange, expected goldenAnswer) {
	t.Helper()
	s := newGoldenStack(t, e)
	s.prepare(e, recording)
	if diff := s.send(e).diff(expected); diff != "" {
		t.Errorf("%s %s at %s:%s", e.Request.Method, e.Request.Path, e.at, diff)
	}
}
