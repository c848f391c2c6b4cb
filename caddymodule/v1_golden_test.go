package caddymodule_test

import (
	"bufio"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The recorded exchanges of a real Medusa 1.20.11 about invites, which the dialect
// leaves to the backend and this one does not leave as they are: the answers are
// Medusa's, and the password is not. All others are replayed beside the dialect.
func TestV1GoldenInvites(t *testing.T) {
	file, err := os.Open("../identity/httpapi/dialectv1/testdata/golden/medusa-v1.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	s := openV1(t)
	const address = "second@medusa-test.com"
	invite := s.medusa.Invite(address)
	replayed := 0
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Name     string
			Request  struct{ Method, Path, Body string }
			Response struct {
				Status  int
				Headers map[string]any
				Body    string
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Request.Path != "/admin/invites/accept" {
			continue
		}
		replayed++
		body := regexp.MustCompile(`"token":"eyJ[^"]+"`).ReplaceAllString(e.Request.Body, `"token":"`+invite+`"`)
		r := s.send(t, e.Request.Method, e.Request.Path, body)
		if r.StatusCode != e.Response.Status || strings.TrimSpace(r.body) != e.Response.Body ||
			r.Header.Get("Content-Type") != e.Response.Headers["content-type"] || r.Header["Set-Cookie"] != nil {
			t.Errorf("%s: %d %s %v, want %d %s", e.Name, r.StatusCode, r.body, r.Header, e.Response.Status, e.Response.Body)
		}
	}
	if err := lines.Err(); err != nil || replayed != 3 {
		t.Errorf("%d exchanges, %v", replayed, err)
	}
	s.secret(t, address, "pw")
	s.as(t, "user", address, "pw")
}
