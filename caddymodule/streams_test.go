package caddymodule_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// credentials are those of a request that is streamed, by name.
func (p person) credentials() map[string][]string {
	return map[string][]string{"nobody": nil, "bearer": bearer(p), "session": session(p)}
}

// Each event gets to the client before the backend writes the next one, on link
// routes too.
func TestEventsAreNotBuffered(t *testing.T) {
	s := open(t, config{Session: "rolling"})
	ada := s.join(t, "customer", "ada@example.com")
	seen := make(chan struct{})
	for _, target := range []string{"/store/events", "/store/customers"} {
		s.on(target, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for i := range 3 {
				if _, err := fmt.Fprintf(w, "data: %d\n\n", i); err != nil {
					return
				}
				if err := http.NewResponseController(w).Flush(); err != nil {
					return
				}
				select {
				case <-seen:
				case <-r.Context().Done():
					return
				}
			}
		})
		for name, credential := range ada.credentials() {
			t.Run(target+" "+name, func(t *testing.T) {
				r, err := s.client.Do(s.request(t, "POST", target, "", credential...))
				if err != nil {
					t.Fatal(err)
				}
				defer r.Body.Close()
				events := bufio.NewReader(r.Body)
				for i := range 3 {
					for _, want := range []string{fmt.Sprintf("data: %d\n", i), "\n"} {
						if line, err := events.ReadString('\n'); line != want {
							t.Fatalf("got %q (%v), want %q", line, err, want)
						}
					}
					seen <- struct{}{}
				}
				if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
					t.Errorf("at the end got %q, %v", rest, err)
				}
			})
		}
	}
}

// An upgraded connection passes bytes both ways, and its request is cleaned and
// proven like any other.
func TestUpgrade(t *testing.T) {
	s := open(t, config{Session: "rolling", Site: "auth_sidecar\nauth_require /mine* customer\n" + mayJoin + "reverse_proxy {backend}"})
	ada := s.join(t, "customer", "ada@example.com")
	upgraded := 0
	for _, target := range []string{"/store/socket", "/mine/socket"} {
		s.on(target, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.Header().Add("Set-Cookie", "connect.sid=foreign")
			w.WriteHeader(http.StatusSwitchingProtocols)
			conn, both, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = io.Copy(conn, both)
		})
		for name, credential := range ada.credentials() {
			t.Run(target+" "+name, func(t *testing.T) {
				conn := s.dial(t)
				_, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade, X-Auth-Actor-Id\r\nUpgrade: websocket\r\n"+
					rawHeader(slices.Concat(forged[:10], credential))+"\r\n")
				if err != nil {
					t.Fatal(err)
				}
				answer := bufio.NewReader(conn)
				r, err := http.ReadResponse(answer, nil)
				if err != nil {
					t.Fatal(err)
				}
				if target == "/mine/socket" && credential == nil {
					readResponse(t, r).want(t, http.StatusUnauthorized, unauthorized)
					return
				}
				if r.StatusCode != http.StatusSwitchingProtocols || r.Header.Get("Upgrade") != "websocket" {
					t.Fatalf("got %s %v", r.Status, r.Header)
				}
				if slices.ContainsFunc(r.Header["Set-Cookie"], func(c string) bool { return strings.Contains(c, "foreign") }) {
					t.Errorf("the client got %v", r.Header)
				}
				for _, word := range []string{"hello", "again"} {
					if _, err := io.WriteString(conn, word); err != nil {
						t.Fatal(err)
					}
					echo := make([]byte, len(word))
					if _, err := io.ReadFull(answer, echo); err != nil || string(echo) != word {
						t.Fatalf("got %q back: %v", echo, err)
					}
				}
				as := ada
				if credential == nil {
					as = person{}
				}
				got := s.requests()
				wantIdentity(t, got[len(got)-1], as.identity())
				if got[len(got)-1].Header["Cookie"] != nil {
					t.Errorf("the backend saw %v", got[len(got)-1].Header)
				}
				conn.Close()
				upgraded++
			})
		}
	}
	// Caddy counts what it writes to such a connection without a lock, also when it
	// is stopped: only when all have ended is that no race.
	eventually(t, "every upgraded connection has ended", func() bool {
		ended := 0
		for line := range strings.Lines(s.log()) {
			if strings.Contains(line, `"handled request"`) && strings.Contains(line, `"status":101`) {
				ended++
			}
		}
		return ended >= upgraded
	})
}

// Answers before the answer pass as they come, and neither loses the cookie of a
// prolonged session.
func TestInformationalAnswersPass(t *testing.T) {
	s := open(t, config{})
	ada := s.join(t, "customer", "ada@example.com")
	s.on("/store/hints", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</app.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Set-Cookie", "connect.sid=foreign")
		_, _ = io.WriteString(w, "done")
	})
	for name, credential := range ada.credentials() {
		t.Run(name, func(t *testing.T) {
			conn := s.dial(t)
			if _, err := io.WriteString(conn, "GET /store/hints HTTP/1.1\r\nHost: shop\r\n"+rawHeader(credential)+"\r\n"); err != nil {
				t.Fatal(err)
			}
			answer := bufio.NewReader(conn)
			hints, err := http.ReadResponse(answer, nil)
			if err != nil || hints.StatusCode != http.StatusEarlyHints || hints.Header.Get("Link") == "" {
				t.Fatalf("got %+v, %v", hints, err)
			}
			r, err := http.ReadResponse(answer, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := readResponse(t, r); got.StatusCode != http.StatusOK || got.body != "done" || got.Header["Set-Cookie"] != nil {
				t.Errorf("got %s %s %v", got.Status, got.body, got.Header)
			}
		})
	}
}

// A client that waits for 100 gets it when the backend wants the body.
func TestExpectContinue(t *testing.T) {
	s := open(t, config{Site: "auth_sidecar\nauth_require /mine* customer\n" + mayJoin + "reverse_proxy {backend}"})
	ada := s.join(t, "customer", "ada@example.com")
	for name, credential := range ada.credentials() {
		t.Run(name, func(t *testing.T) {
			conn := s.dial(t)
			send := func(text string) {
				t.Helper()
				if _, err := io.WriteString(conn, text); err != nil {
					t.Fatal(err)
				}
			}
			answer := bufio.NewReader(conn)
			next := func() *http.Response {
				t.Helper()
				r, err := http.ReadResponse(answer, nil)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			send("POST /mine HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 5\r\n" + rawHeader(credential) + "\r\n")
			if credential == nil { // Caddy holds a refusal back until it has the body
				send("hello")
				readResponse(t, next()).want(t, http.StatusUnauthorized, unauthorized)
				return
			}
			r := next()
			if r.StatusCode != http.StatusContinue {
				t.Fatalf("got %s", r.Status)
			}
			send("hello")
			for r = next(); r.StatusCode == http.StatusContinue; r = next() { // Caddy's and the backend's
			}
			if got := readResponse(t, r).seen(t); got.Body != "hello" {
				t.Errorf("the backend saw %q", got.Body)
			}
		})
	}
}

// What the backend sends behind the body arrives.
func TestTrailersPass(t *testing.T) {
	s := open(t, config{})
	ada := s.join(t, "customer", "ada@example.com")
	for _, target := range []string{"/store/sum", "/store/customers"} {
		s.on(target, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			writeJSON(w, "{}")
			w.Header().Set("X-Sum", "7")
		})
		for name, credential := range ada.credentials() {
			if got := s.send(t, "POST", target, "", credential...); got.body != "{}" || got.Trailer.Get("X-Sum") != "7" {
				t.Errorf("%s, %s: got %q, trailers %v", target, name, got.body, got.Trailer)
			}
		}
	}
}
