//go:build unix && medusa

package medusa

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
	domain  string // of the e-mail addresses, which the two do not share
	cookie  string
	log     []e2e.Exchange
	plain   *e2e.PlainText
}

// newSide returns a side whose people have addresses of that domain.
func newSide(t *testing.T, backend *medusa, server caller, domain string) *side {
	return &side{caller: server, t: t, backend: backend, domain: domain, plain: e2e.NewPlainText(domain)}
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
		if value == "" {
			header[name] = nil
		}
	}
	got, err := s.send(s.t, method, path, header, body)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	if set := got.Header.Get("Set-Cookie"); set != "" {
		s.cookie, _, _ = strings.Cut(set, ";")
	}
	s.log = append(s.log, e2e.Exchange{Name: name, Answer: s.plain.Answer(got)})
	return got
}
