//go:build unix && medusa

package medusav1

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
	reset   func(t *testing.T, actorType, email string) string // token of a mail
}

type request = e2e.Request

// ask keeps the cookies of those requests alone that came without a credential: to
// others Medusa sends one as well, some of nobody's session.
func (s *side) ask(name, method, path string, r request) e2e.Answer {
	s.t.Helper()
	kept := s.Cookie
	got := s.Ask(name, method, path, r)
	if r.Cookie || r.Token != "" {
		s.Cookie = kept
	}
	return got
}

// login returns the token of somebody who exists.
func (s *side) login(domain, email, password string) string {
	s.t.Helper()
	return caller{s.Caller}.login(s.t, domain, email, password)
}

// The same requests get the same answers from Medusa and from the sidecar before
// it, but for the differences that differences.json gives a reason for.
func testDifferences(t *testing.T, s *shop) {
	alone := &side{e2e.NewSide(t, s.backend.caller().Caller, "alone.example.com"), t, s.backend, s.backend.reset}
	front := &side{e2e.NewSide(t, s.caller().Caller, "front.example.com"), t, s.backend, s.reset}
	alone.converse()
	front.converse()
	e2e.Compare(t, "differences.json", alone.Log, front.Log)
}
