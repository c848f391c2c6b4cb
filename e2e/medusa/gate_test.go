//go:build unix && medusa

package medusa

import (
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// newGate opens a gate to Medusa. It ends with the test.
func newGate(t *testing.T, backend *medusa) *e2e.Gate {
	t.Helper()
	return e2e.NewGate(t, backend.URL(), asksForTrust)
}

// asksForTrust: the sidecar asks now and then whether Medusa takes its tokens, by
// a route that tests are about, at moments that are not theirs.
func asksForTrust(r *http.Request) bool {
	claims := make(jwt.MapClaims)
	_, _, err := jwt.NewParser().ParseUnverified(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), claims)
	return err == nil && r.URL.Path == refreshPath && claims["actor_type"] == "sidecar"
}
