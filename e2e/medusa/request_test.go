//go:build unix && medusa

package medusa

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

const keyHeader = "X-Publishable-Api-Key"

// caller sends requests to one server, as a storefront that has the shop's key.
type caller struct{ e2e.Caller }

// newCaller makes a caller without a key if it is "".
func newCaller(url, key string) caller {
	c := caller{e2e.Caller{URL: url}}
	if key != "" {
		c.Header = http.Header{keyHeader: {key}}
	}
	return c
}

// post is Try for a request with a body.
func (c caller) post(t *testing.T, path, token string, body any) (e2e.Answer, error) {
	t.Helper()
	return c.Try(t, http.MethodPost, path, token, body)
}

// login returns the token of somebody who exists.
func (c caller) login(t *testing.T, actor, email, password string) string {
	t.Helper()
	return c.Do(t, http.MethodPost, "/auth/"+actor+"/emailpass", "", credentials(email, password)).Need(t, http.StatusOK).Field("token")
}

// credentials is the body of a registration and of a login.
func credentials(email, password string) map[string]string {
	return map[string]string{"email": email, "password": password}
}

// mailbox makes the name of a mailbox of a few words.
func mailbox(words string) string { return strings.ReplaceAll(words, " ", ".") }
