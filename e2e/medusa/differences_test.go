//go:build unix && medusa

package medusa

import (
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// The same requests get the same answers from Medusa and from the sidecar before
// it, but for the differences that differences.json gives a reason for.
func testDifferences(t *testing.T, s *shop) {
	alone := newSide(t, s.backend, s.backend.caller(), "alone.example.com")
	front := newSide(t, s.backend, s.caller(), "front.example.com")
	alone.converse()
	front.converse()
	e2e.Compare(t, "differences.json", alone.log, front.log)
}
