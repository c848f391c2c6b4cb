package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// pathAttack is a request without credential; row is that of the security test
// list, "none" for what must keep working.
type pathAttack struct{ Row, Target, Header, Verdict string }

func pathAttacks(t *testing.T) []pathAttack {
	t.Helper()
	data, err := os.ReadFile("testdata/attacks/paths.json")
	if err != nil {
		t.Fatal(err)
	}
	var attacks []pathAttack
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields() // a typo must not turn a case off
	if err := decoder.Decode(&attacks); err != nil {
		t.Fatal(err)
	}
	return attacks
}

// judge compares what became of a request with the verdict.
func (a pathAttack) judge(t *testing.T, r response) {
	t.Helper()
	reached := r.Header.Get("Echo") != ""
	ok := false
	switch a.Verdict {
	case "public":
		ok = reached && r.StatusCode == http.StatusOK
	case "protected":
		ok = !reached && r.StatusCode == http.StatusUnauthorized
	case "refused":
		ok = !reached && r.StatusCode == http.StatusBadRequest
	case "ours":
		ok = !reached && (r.StatusCode == http.StatusOK || r.StatusCode == http.StatusNotFound || r.StatusCode == http.StatusUnauthorized)
	default:
		t.Fatalf("unknown verdict %q", a.Verdict)
	}
	if !ok {
		t.Errorf("%s: %s %s: %d, reached the backend: %t; want it %s", a.Row, a.Target, a.Header, r.StatusCode, reached, a.Verdict)
	}
}

// Nothing below /auth ever reaches the backend, and nothing below /admin does
// without credential, however the path is written (attacks B1 to B3 and B5).
func TestPathConfusion(t *testing.T) {
	s := open(t, config{
		Global: "servers {\nprotocols h1 h2c\n}",
		Site:   "auth_sidecar\nauth_require /admin* user\nreverse_proxy {backend}",
	})
	h2 := s.protocols()["h2c"]
	for _, a := range pathAttacks(t) {
		for _, method := range []string{"GET", "POST", "PUT"} {
			header := "Host: shop\r\nContent-Length: 0\r\n"
			if a.Header != "" {
				header += a.Header + "\r\n"
			}
			a.judge(t, s.raw(t, method, method+" "+a.Target+" HTTP/1.1\r\n"+header+"\r\n"))
		}
		if !strings.HasPrefix(a.Target, "/") || strings.HasPrefix(a.Target, "//") { // no client sends it over HTTP/2
			continue
		}
		r := s.request(t, "GET", "/", "")
		target, query, _ := strings.Cut(a.Target, "?")
		r.URL = &url.URL{Scheme: "http", Host: s.addr(), Opaque: target, RawQuery: query}
		if name, value, ok := strings.Cut(a.Header, ": "); ok {
			r.Header.Set(name, value)
		}
		answer, err := h2.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", a.Target, err)
		}
		a.judge(t, readResponse(t, answer))
	}
	for _, got := range s.requests() {
		for _, reading := range readings(got.Target) {
			if under(reading, "/auth") || under(reading, "/admin") {
				t.Errorf("the backend got %s, which can be read as %s", got.Target, reading)
			}
		}
	}
}

// readings lists how servers may understand the path of a request: decoded up to
// three times, with backslashes as slashes, without matrix parameters, cleaned.
func readings(target string) []string {
	p, _, _ := strings.Cut(target, "?")
	list := []string{p}
	for range 3 {
		decoded, err := url.PathUnescape(p)
		if err != nil || decoded == p {
			break
		}
		p = decoded
		list = append(list, p)
	}
	for _, p := range slices.Clone(list) {
		list = append(list, strings.ReplaceAll(p, `\`, "/"))
	}
	for _, p := range slices.Clone(list) {
		segments := strings.Split(p, "/")
		for i, segment := range segments {
			segments[i], _, _ = strings.Cut(segment, ";")
		}
		list = append(list, strings.Join(segments, "/"))
	}
	for _, p := range slices.Clone(list) {
		list = append(list, path.Clean("/"+p))
	}
	return list
}

func under(p, prefix string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(p), prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// Requests that name no path of the site do not get around it either.
func TestTargetsWithoutPath(t *testing.T) {
	s := open(t, config{Site: "auth_sidecar\nauth_require user\nreverse_proxy {backend}"})
	for _, line := range []string{"OPTIONS * HTTP/1.1", "CONNECT shop:80 HTTP/1.1", "CONNECT /admin HTTP/1.1", "GET admin HTTP/1.1", "GET ../admin HTTP/1.1"} {
		method, _, _ := strings.Cut(line, " ")
		r := s.raw(t, method, line+"\r\nHost: shop\r\nConnection: close\r\n\r\n")
		if r.Header.Get("Echo") != "" {
			t.Errorf("%s: reached the backend", line)
		}
	}
	if got := s.requests(); len(got) != 0 {
		t.Errorf("the backend got %v", got)
	}
}
