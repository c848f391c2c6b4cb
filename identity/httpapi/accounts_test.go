package httpapi_test

import (
	"encoding/json"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	registerPath = "/auth/customer/emailpass/register"
	loginPath    = "/auth/customer/emailpass"
	resetPath    = "/auth/customer/emailpass/reset-password"
	updatePath   = "/auth/customer/emailpass/update"
	refreshPath  = "/auth/token/refresh"
	sessionPath  = "/auth/session"
)

// register makes an identity and returns its first token.
func (s *shop) register(email, password string) (raw string) {
	s.t.Helper()
	return s.token(s.mustDo(200, post(registerPath, credentials(email, password))))
}

func credentials(email, password string) string {
	return `{"email":"` + email + `","password":"` + password + `"}`
}

// customer registers an identity, makes it a customer and returns a token.
func (s *shop) customer(email, password, actorID string) (raw string) {
	s.t.Helper()
	id := s.claims(s.register(email, password)).IdentityID
	if err := s.service.Link(s.t.Context(), id, "customer", actorID); err != nil {
		s.t.Fatal(err)
	}
	return s.token(s.mustDo(200, post(loginPath, credentials(email, password))))
}

// token returns the token of an answer that consists of it alone.
func (s *shop) token(r response) string {
	s.t.Helper()
	raw, ok := strings.CutPrefix(r.body, `{"token":"`)
	raw, closed := strings.CutSuffix(raw, `"}`)
	if !ok || !closed || strings.Contains(raw, `"`) {
		s.t.Fatalf("got %s, want a token", r.body)
	}
	return raw
}

func (s *shop) claims(raw string) *identity.Claims {
	s.t.Helper()
	c, err := s.ring.ParseAccess(raw)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// mint signs claims without asking anybody.
func (s *shop) mint(c identity.Claims) string {
	s.t.Helper()
	if c.ActorType == "" {
		c.ActorType = "customer"
	}
	if c.IssuedAt == 0 {
		c.IssuedAt = s.clock.Now().Unix()
	}
	if c.ExpiresAt == 0 {
		c.ExpiresAt = c.IssuedAt + 3600
	}
	raw, err := s.ring.Access(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return raw
}

// resetToken asks for a reset and returns the token that would be mailed.
func (s *shop) resetToken(email string) string {
	s.t.Helper()
	identifier, err := json.Marshal(email)
	if err != nil {
		s.t.Fatal(err)
	}
	s.clock.Forward(1e6) // requests are ordered by milliseconds
	s.mustDo(201, post(resetPath, `{"identifier":`+string(identifier)+`}`))
	request, _ := s.resets.last()
	n, err := s.service.IssueReset(s.t.Context(), request)
	if err != nil || n == nil {
		s.t.Fatalf("no notification: %v", err)
	}
	return n.Token.Reveal()
}

func bearer(raw string) string { return "Bearer " + raw }

// login logs in by cookie and returns the Cookie field for later requests.
func (s *shop) login(raw string) (cookie string) {
	s.t.Helper()
	res := s.mustDo(200, request{"POST", sessionPath, "", headers("Authorization", bearer(raw))})
	cookie, _, _ = strings.Cut(res.header.Get("Set-Cookie"), ";")
	if !strings.HasPrefix(cookie, "connect.sid=s%3A") {
		s.t.Fatalf("got Set-Cookie %q", res.header.Get("Set-Cookie"))
	}
	return cookie
}
