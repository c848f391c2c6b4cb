//go:build unix && medusa

package medusav1

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// caller sends requests to the server at that address.
type caller string

// do sends a request with a token, if it is not "", and a body, if it is not nil.
func (c caller) do(t *testing.T, method, path, token string, body any) e2e.Answer {
	t.Helper()
	a, err := c.try(t, method, path, token, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// try is do for a request that may get no answer, which is the error.
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

// send sends a request with those headers.
func (c caller) send(t *testing.T, method, path string, header http.Header, body []byte) (e2e.Answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, string(c)+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	return e2e.Send(req)
}

// credentials is the body of a login and, with names, of a registration.
func credentials(email, password string) map[string]string {
	return map[string]string{"email": email, "password": password}
}

// login returns the token of somebody who exists; domain is store or admin.
func (c caller) login(t *testing.T, domain, email, password string) string {
	t.Helper()
	return c.do(t, http.MethodPost, "/"+domain+"/auth/token", "", credentials(email, password)).Need(t, http.StatusOK).Field("access_token")
}

// mailbox makes the name of a mailbox of a few words.
func mailbox(words string) string { return strings.ReplaceAll(words, " ", ".") }
