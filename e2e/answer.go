//go:build unix

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Answer is what a server has answered.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Field returns a field of the body, which is JSON, by its path: "customer.id".
// It is "" when there is none.
func (a Answer) Field(path string) string {
	var value any
	_ = json.Unmarshal([]byte(a.Body), &value)
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	text, _ := value.(string)
	return text
}

// Need ends the test unless the answer has that status.
func (a Answer) Need(t *testing.T, status int) Answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	return a
}

// NeedRetryAfter checks that the answer says when to try again.
func (a Answer) NeedRetryAfter(t *testing.T) {
	t.Helper()
	if a.Need(t, http.StatusServiceUnavailable).Header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %v", a.Header)
	}
}

// plainClient follows nothing and unpacks nothing.
var plainClient = &http.Client{
	Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Send sends a request and returns the answer as it came: nothing is followed or
// unpacked.
func Send(r *http.Request) (Answer, error) {
	res, err := plainClient.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return Answer{}, err
	}
	return Answer{res.StatusCode, res.Header, string(text)}, nil
}
