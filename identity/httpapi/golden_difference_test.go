package httpapi_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// goldenDifference is an entry of testdata/golden/differences.json: answers
// that differ from the recorded ones on purpose.
type goldenDifference struct {
	// Reason is for the owner of a shop.
	Reason  string
	Answers []goldenChange
}

// goldenChange says how our answers to some exchanges differ. What is absent is
// as recorded.
type goldenChange struct {
	// Exchanges by name.
	Exchanges []string
	// SameAs names the exchange whose recorded answer ours is.
	SameAs string `json:"same_as"`
	Status int
	// Headers that differ; null for one that is not sent.
	Headers map[string]*string
	// Body, see goldenAnswer.setBody.
	Body *string
}

// goldenDifferences returns, by the names of exchanges, the answers that are
// expected in place of the recorded ones.
func goldenDifferences(t *testing.T, recording []*goldenExchange) map[string]goldenAnswer {
	t.Helper()
	data, err := os.ReadFile("testdata/golden/differences.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []goldenDifference
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&list); err != nil {
		t.Fatal(err)
	}
	expected := make(map[string]goldenAnswer)
	for _, d := range list {
		if d.Reason == "" || len(d.Answers) == 0 {
			t.Errorf("differences.json: an entry without a reason or without answers: %+v", d)
		}
		for _, change := range d.Answers {
			for _, name := range change.Exchanges {
				if _, twice := expected[name]; twice {
					t.Errorf("differences.json: %q occurs twice", name)
				}
				expected[name] = change.apply(t, goldenByName(t, recording, name), recording)
			}
		}
	}
	return expected
}

func goldenByName(t *testing.T, recording []*goldenExchange, name string) *goldenExchange {
	t.Helper()
	i := slices.IndexFunc(recording, func(e *goldenExchange) bool { return e.Name == name })
	if i < 0 {
		t.Fatalf("there is no exchange %q", name)
	}
	return recording[i]
}

// apply returns our answer. Everything that the change names has to differ from
// what was recorded.
func (c *goldenChange) apply(t *testing.T, e *goldenExchange, recording []*goldenExchange) goldenAnswer {
	t.Helper()
	recorded, ours := e.answer(), e.answer()
	if c.SameAs != "" {
		ours = goldenByName(t, recording, c.SameAs).answer()
	}
	if c.Status != 0 {
		ours.Status = c.Status
	}
	if c.Body != nil {
		ours.setBody(e, *c.Body)
	}
	for name, value := range c.Headers {
		ours.Headers.Del(name)
		if value != nil {
			ours.Headers.Set(name, *value)
		}
		if ours.Headers.Get(name) == recorded.Headers.Get(name) {
			t.Errorf("differences.json: %q: the header %s is as recorded", e.Name, name)
		}
	}
	// The length stands for the body in an answer to HEAD.
	sameBody := ours.Body == recorded.Body && ours.Headers.Get("Content-Length") == recorded.Headers.Get("Content-Length")
	if c.Status == recorded.Status || c.Body != nil && sameBody || ours.diff(recorded) == "" {
		t.Errorf("differences.json: %q: status or body is as recorded", e.Name)
	}
	return ours
}
