package caddymodule_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// addr is where the shop answers.
func (s *shop) addr() string { return net.JoinHostPort("127.0.0.1", s.port) }

// url is the shop's address as browsers have it.
func (s *shop) url() string {
	if s.tls {
		return "https://localhost:" + s.port
	}
	return "http://" + s.addr()
}

// response is an answer that was read to its end.
type response struct {
	*http.Response
	body string
}

// send sends a request and reads the answer. header holds names and values in turns.
func (s *shop) send(t testing.TB, method, target, body string, header ...string) response {
	t.Helper()
	r := s.request(t, method, target, body, header...)
	got, err := s.client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return readResponse(t, got)
}

func (s *shop) request(t testing.TB, method, target, body string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url()+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header[header[i]] = append(r.Header[header[i]], header[i+1]) // as it is spelled
	}
	if body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func readResponse(t testing.TB, r *http.Response) response {
	t.Helper()
	defer func() { _ = r.Body.Close() }()
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return response{r, string(data)}
}

// raw sends bytes as they are, on a connection of their own, and reads one answer.
func (s *shop) raw(t testing.TB, method, text string) response {
	t.Helper()
	conn := s.dial(t)
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.60q: %v", text, err)
	}
	return readResponse(t, r)
}

// dial connects to the shop; the connection ends with the test.
func (s *shop) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil { // only a hang reaches it
		t.Fatal(err)
	}
	return conn
}

// seen returns what the backend saw of the request that this answers.
func (r response) seen(t testing.TB) seen {
	t.Helper()
	var s seen
	if r.Header.Get("Echo") == "" {
		t.Fatalf("the request did not reach the backend: %d %s", r.StatusCode, r.body)
	}
	if err := json.Unmarshal([]byte(r.body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// want checks an answer that the sidecar gave itself.
func (r response) want(t testing.TB, status int, body string) {
	t.Helper()
	if r.StatusCode != status || r.body != body || r.Header.Get("Echo") != "" {
		t.Errorf("got %d %s (Echo: %q), want %d %s", r.StatusCode, r.body, r.Header.Get("Echo"), status, body)
	}
}

const (
	unauthorized = `{"message":"Unauthorized"}`
	unavailable  = `{"type":"unavailable","message":"Service temporarily unavailable"}`
)

// wantUnavailable checks an answer for want of the store's.
func (r response) wantUnavailable(t testing.TB) {
	t.Helper()
	if r.StatusCode != http.StatusServiceUnavailable || r.body != unavailable {
		t.Errorf("got %d %s, want 503 %s", r.StatusCode, r.body, unavailable)
	}
	if r.Header.Get("Retry-After") == "" || r.Header.Get("Cache-Control") != "private, no-store" || r.Header["Set-Cookie"] != nil {
		t.Errorf("got header %v", r.Header)
	}
}

// wantLimited checks an answer to one request too many.
func (r response) wantLimited(t testing.TB) {
	t.Helper()
	r.want(t, http.StatusTooManyRequests, `{"type":"too_many_requests","message":"Too many requests"}`)
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds < 1 || r.Header.Get("Cache-Control") != "private, no-store" || r.Header["Set-Cookie"] != nil {
		t.Errorf("got header %v", r.Header)
	}
}

// eventually waits until it is so. Only a defect keeps it waiting for long.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came about that %s", what)
		}
	}
}
