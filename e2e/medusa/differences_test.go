//go:build unix && medusa

package medusa

import (
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// side is one of the two servers that get the same requests: Medusa alone, or
// the sidecar before it.
type side struct {
	*e2e.Side
	t       *testing.T
	backend *medusa
}

type request = e2e.Request

// The same requests get the same answers from Medusa and from the sidecar before
// it, but for the differences that differences.json gives a reason for.
func testDifferences(t *testing.T, s *shop) {
	alone := &side{e2e.NewSide(t, s.backend.caller().Caller, "alone.example.com"), t, s.backend}
	front := &side{e2e.NewSide(t, s.caller().Caller, "front.example.com"), t, s.backend}
	alone.converse()
	front.converse()
	e2e.Compare(t, "differences.json", alone.Log, front.Log)
}
