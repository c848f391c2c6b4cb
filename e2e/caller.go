//go:build unix

package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
)

// Caller sends requests to one server.
type Caller struct {
	URL string // without a slash at its end
	// Header are the fields of every request, but for those that a request has itself.
	// Their names are canonical.
	Header http.Header
}

// Do sends a request with a bearer token, if it is not "", and a body in JSON, if it
// is not nil.
func (c Caller) Do(t *testing.T, method, path, token string, body any) Answer {
	t.Helper()
	a, err := c.Try(t, method, path, token, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Try is Do for a request that may get no answer, which is the error.
func (c Caller) Try(t *testing.T, method, path, token string, body any) (Answer, error) {
	t.Helper()
	header := make(http.Header)
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	var text []byte
	if body != nil {
		header.Set("Content-Type", "application/json")
		var err error
		if text, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	return c.Send(t, method, path, header, text)
}

// Send sends a request with that header and body. A field of the header without
// values keeps the Caller's own back.
func (c Caller) Send(t *testing.T, method, path string, header http.Header, body []byte) (Answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = make(http.Header)
	for _, fields := range []http.Header{c.Header, header} {
		for name, values := range fields {
			req.Header[name] = values
		}
	}
	return Send(req)
}
