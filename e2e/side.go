//go:build unix

package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// Side is one of the two servers that get the same requests: a backend alone, or the
// sidecar before it. It keeps one cookie, like a browser with one session.
type Side struct {
	Caller
	Cookie string
	Log    []Exchange // what it was asked, for Compare

	t      *testing.T
	domain string
	plain  *PlainText
}

// NewSide makes the side of a server, whose people have e-mail addresses of that
// domain, which the other does not have.
func NewSide(t *testing.T, server Caller, domain string) *Side {
	return &Side{Caller: server, t: t, domain: domain, plain: NewPlainText(domain)}
}

// Email returns the address of somebody of this side.
func (s *Side) Email(name string) string { return name + "@" + s.domain }

// Request is what a request carries beside its method and path.
type Request struct {
	Token  string            // a bearer
	Body   any               // sent as JSON
	Text   string            // sent as it is
	Header map[string]string // "" for a field that is not sent
	Cookie bool              // whether the side's cookie goes along
}

// Ask sends a request, notes the answer under that name, and returns it as it was.
func (s *Side) Ask(name, method, path string, r Request) Answer {
	s.t.Helper()
	header := make(http.Header)
	body := []byte(r.Text)
	if r.Body != nil {
		var err error
		if body, err = json.Marshal(r.Body); err != nil {
			s.t.Fatal(err)
		}
	}
	if len(body) > 0 {
		header.Set("Content-Type", "application/json")
	}
	if r.Token != "" {
		header.Set("Authorization", "Bearer "+r.Token)
	}
	if r.Cookie {
		header.Set("Cookie", s.Cookie)
	}
	for name, value := range r.Header {
		header.Set(name, value)
		if value == "" {
			header[http.CanonicalHeaderKey(name)] = nil
		}
	}
	got, err := s.Send(s.t, method, path, header, body)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	if set := got.Header.Get("Set-Cookie"); set != "" {
		s.Cookie, _, _ = strings.Cut(set, ";")
	}
	s.Log = append(s.Log, Exchange{Name: name, Answer: s.plain.Answer(got)})
	return got
}
