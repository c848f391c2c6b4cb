//go:build unix && medusa

package medusa

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// caller sends requests to one server, as a storefront that has the shop's key.
type caller struct {
	url, key string
}

// do sends a request with a token, if it is not "", and a body, if it is not nil.
func (c caller) do(t *testing.T, method, path, token string, body any) e2e.Answer {
	t.Helper()
	a, err := c.try(t, method, path, token, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// post is do for a request that may get no e2e.Answer, which is the error.
func (c caller) post(t *testing.T, path, token string, body any) (e2e.Answer, error) {
	t.Helper()
	return c.try(t, http.MethodPost, path, token, body)
}

func (c caller) try(t *testing.T, method, path, token string, body any) (e2e.Answer, error) {
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
	return c.send(t, method, path, header, text)
}

// send sends a request with those headers and the shop's key.
func (c caller) send(t *testing.T, method, path string, header http.Header, body []byte) (e2e.Answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	if _, ok := req.Header["X-Publishable-Api-Key"]; !ok {
		req.Header.Set("X-Publishable-Api-Key", c.key)
	}
	return e2e.Send(req)
}

// credentials is the body of a registration and of a login.
func credentials(email, password string) map[string]string {
	return map[string]string{"email": email, "password": password}
}

// login returns the token of somebody who exists.
func (c caller) login(t *testing.T, actor, email, password string) string {
	t.Helper()
	return c.do(t, http.MethodPost, "/auth/"+actor+"/emailpass", "", credentials(email, password)).Need(t, http.StatusOK).Field("token")
}

// mailbox makes the name of a mailbox of a few words.
func mailbox(words string) string { return strings.ReplaceAll(words, " ", ".") }
