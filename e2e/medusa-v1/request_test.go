//go:build unix && medusa

package medusav1

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// caller sends requests to one server.
type caller struct{ e2e.Caller }

func newCaller(url string) caller { return caller{e2e.Caller{URL: url}} }

// login returns the token of somebody who exists; domain is store or admin.
func (c caller) login(t *testing.T, domain, email, password string) string {
	t.Helper()
	return c.Do(t, http.MethodPost, "/"+domain+"/auth/token", "", credentials(email, password)).Need(t, http.StatusOK).Field("access_token")
}

// credentials is the body of a login and, with names, of a registration.
func credentials(email, password string) map[string]string {
	return map[string]string{"email": email, "password": password}
}

// mailbox makes the name of a mailbox of a few words.
func mailbox(words string) string { return strings.ReplaceAll(words, " ", ".") }
