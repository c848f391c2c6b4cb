//go:build unix && medusa

package medusav1

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// side is one of the two servers that get the same requests: Medusa alone, or
// the sidecar before it.
type side struct {
	caller
	t       *testing.T
	backend *medusa
	reset   func(t *testing.T, actorType, email string) string // token of a mail
	domain  string                                             // of the e-mail addresses, which the two do not share
	cookie  string
	log     []e2e.Exchange
	plain   *e2e.PlainText
}

func (s *side) email(name string) string { return name + "@" + s.domain }

// request is what a request carries beside its method and path.
type request struct {
	token  string
	body   any               // sent as JSON
	text   string            // sent as it is
	header map[string]string // "" for one that is not sent
	cookie bool              // whether the browser's cookie goes along
}

// ask sends a request, notes the answer under that name, and returns it as it was.
func (s *side) ask(name, method, path string, r request) e2e.Answer {
	s.t.Helper()
	header := make(http.Header)
	body := []byte(r.text)
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			s.t.Fatal(err)
		}
	}
	if len(body) > 0 {
		header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		header.Set("Authorization", "Bearer "+r.token)
	}
	if r.cookie {
		header.Set("Cookie", s.cookie)
	}
	for name, value := range r.header {
		header.Set(name, value)
	}
	got, err := s.send(s.t, method, path, header, body)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	if set := got.Header.Get("Set-Cookie"); set != "" && !r.cookie && r.token == "" {
		s.cookie, _, _ = strings.Cut(set, ";")
	}
	if got.Status == http.StatusUnauthorized && got.Body == "Unauthorized" && got.Header.Get("Content-Type") == "" {
		// Medusa says none here, and whether Go's server adds one depends on how soon
		// the body comes.
		got.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	s.log = append(s.log, e2e.Exchange{Name: name, Answer: s.plain.Answer(got)})
	return got
}

// The same requests get the same answers from Medusa and from the sidecar before
// it, but for the differences that differences.json gives a reason for.
func testDifferences(t *testing.T, shop *shop) {
	backend := shop.backend
	alone := &side{caller: backend.caller(), t: t, backend: backend, domain: "alone.example.com", plain: e2e.NewPlainText("alone.example.com")}
	alone.reset = func(t *testing.T, actorType, email string) string {
		return backend.event(t, actorType+".password_reset", "email", email)
	}
	front := &side{caller: shop.caller(), t: t, backend: backend, domain: "front.example.com", plain: e2e.NewPlainText("front.example.com")}
	front.reset = shop.reset
	alone.converse()
	front.converse()
	e2e.Compare(t, "differences.json", alone.log, front.log)
}
