package caddymodule_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// ticking is a route that sends an event at every tick of the test, and says when
// it ends.
type ticking struct {
	ticks chan struct{}
	ended chan struct{}
}

func (s *shop) ticking(path, media string) ticking {
	k := ticking{make(chan struct{}), make(chan struct{}, 10)}
	s.on(path, func(w http.ResponseWriter, r *http.Request) {
		defer func() { k.ended <- struct{}{} }()
		w.Header().Set("Content-Type", media)
		for {
			if _, err := io.WriteString(w, "data: tick\n\n"); err != nil {
				return
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
			select {
			case <-k.ticks:
			case <-r.Context().Done():
				return
			}
		}
	})
	return k
}

// stream opens an answer that lasts and reads its first event.
func (s *shop) stream(t *testing.T, client *http.Client, method, path string, header ...string) *bufio.Reader {
	t.Helper()
	r, err := client.Do(s.request(t, method, path, "", header...)) //nolint:bodyclose // it is closed below
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	events := bufio.NewReader(r.Body)
	event(t, events)
	return events
}

func event(t *testing.T, events *bufio.Reader) {
	t.Helper()
	if line, err := events.ReadString('\n'); line != "data: tick\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	_, _ = events.ReadString('\n')
}

// echoing is a route that upgrades and echoes. It says when a connection ends.
func (s *shop) echoing(path string) (ended chan struct{}) {
	ended = make(chan struct{}, 10)
	s.on(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { ended <- struct{}{} }()
		defer conn.Close()
		_, _ = io.Copy(conn, both)
	})
	return ended
}

// socket opens an upgraded connection that echoes.
func (s *shop) socket(t *testing.T, credential []string) (net.Conn, *bufio.Reader) {
	t.Helper()
	s.echoing("/store/socket")
	conn := s.dial(t)
	if _, err := io.WriteString(conn, "GET /store/socket HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+rawHeader(credential)+"\r\n"); err != nil {
		t.Fatal(err)
	}
	answer := bufio.NewReader(conn)
	if r, err := http.ReadResponse(answer, nil); err != nil || r.StatusCode != http.StatusSwitchingProtocols { //nolint:bodyclose // it has none
		t.Fatalf("got %v, %v", r, err)
	}
	echoes(t, conn, answer)
	return conn, answer
}

func echoes(t *testing.T, conn io.Writer, answer io.Reader) {
	t.Helper()
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	echo := make([]byte, 5)
	if _, err := io.ReadFull(answer, echo); err != nil || string(echo) != "hello" {
		t.Fatalf("got %q, %v", echo, err)
	}
}

// closed fails the test unless nothing but an end comes; only a hang reaches the
// limit.
func closed(t *testing.T, what string, from *bufio.Reader) {
	t.Helper()
	done := make(chan []byte, 1)
	go func() {
		rest, _ := io.ReadAll(from)
		done <- rest
	}()
	select {
	case rest := <-done:
		if len(rest) > 0 {
			t.Errorf("%s: got %q", what, rest)
		}
	case <-time.After(time.Minute):
		t.Fatalf("%s goes on", what)
	}
}

// What was opened before its caller was revoked is closed at both ends, and what is
// another's goes on (attack F7).
func TestStreamsOfTheRevoked(t *testing.T) {
	s := open(t, config{TLS: false, Realm: "revocation cached 1h"}) // by push alone
	bob := s.join(t, "customer", "bob@example.com")
	bobs, bobAnswer := s.socket(t, session(bob))
	defer bobs.Close()
	opened := 1
	for name, credentialOf := range map[string]func(person) []string{"bearer": bearer, "session": session} {
		for how, revoke := range map[string]func(ada person){
			"all": func(ada person) { s.send(t, "DELETE", "/auth/sessions", "", bearer(ada)...) },
			"deletion": func(ada person) {
				s.on("/admin/customers/"+ada.actorID, deleted)
				s.send(t, "DELETE", "/admin/customers/"+ada.actorID, "", bearer(s.join(t, "user", address("eve "+name)))...)
			},
			"log-out": func(ada person) { s.send(t, "DELETE", "/auth/session", "", session(ada)...) },
		} {
			if how == "log-out" && name == "bearer" {
				continue
			}
			t.Run(name+" "+how, func(t *testing.T) {
				ada := s.join(t, "customer", address(name+" "+how))
				credential := credentialOf(ada)
				k := s.ticking("/store/events", "text/event-stream; charset=utf-8")
				pieces := s.ticking("/store/pieces", "application/x-ndjson")
				streams := map[string]*bufio.Reader{
					"announced events": s.stream(t, s.client, "GET", "/store/events", append(credential, "Accept", "text/event-stream")...),
					"events":           s.stream(t, s.client, "POST", "/store/events", credential...),
					"pieces":           s.stream(t, s.client, "GET", "/store/pieces", credential...),
				}
				conn, answer := s.socket(t, credential)
				defer conn.Close()
				opened++
				streams["socket"] = answer
				revoke(ada)
				for what, from := range streams {
					closed(t, what, from)
				}
				for range 2 {
					<-k.ended
				}
				<-pieces.ended
				echoes(t, bobs, bobAnswer)
			})
		}
	}
	bobs.Close()
	s.allSocketsEnd(t, opened)
}

// allSocketsEnd waits for upgraded connections: Caddy counts what it writes to them
// without a lock, also when it is stopped.
func (s *shop) allSocketsEnd(t *testing.T, opened int) {
	t.Helper()
	eventually(t, "every upgraded connection has ended", func() bool {
		ended := 0
		for line := range strings.Lines(s.log()) {
			if strings.Contains(line, `"handled request"`) && (strings.Contains(line, `"status":101`) || strings.Contains(line, `"method":"CONNECT"`)) {
				ended++
			}
		}
		return ended >= opened
	})
}

// Over HTTP/2 the stream is closed, and the connection serves others.
func TestStreamsOfTheRevokedByHTTP2(t *testing.T) {
	s := open(t, config{TLS: true, Realm: "revocation cached 1h"})
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	client := s.newClient(protocols)
	ada, bob := s.join(t, "customer", "ada@example.com"), s.join(t, "customer", "bob@example.com")
	s.ticking("/store/events", "text/event-stream")
	k := s.ticking("/store/more", "text/event-stream")
	announced := s.stream(t, client, "GET", "/store/events", append(session(ada), "Accept", "text/event-stream")...)
	plain := s.stream(t, client, "POST", "/store/events", bearer(ada)...)
	other := s.stream(t, client, "GET", "/store/more", bearer(bob)...)
	s.send(t, "DELETE", "/auth/sessions", "", bearer(ada)...)
	closed(t, "announced", announced)
	closed(t, "plain", plain)
	k.ticks <- struct{}{}
	event(t, other)
}

// Who keeps the session keeps its streams.
func TestStreamsOfWhoStays(t *testing.T) {
	s := open(t, config{Realm: "revocation cached 1s"})
	ada := s.join(t, "customer", "ada@example.com")
	kept := s.ticking("/store/kept", "text/event-stream")
	s.ticking("/store/lost", "text/event-stream")
	mine := s.stream(t, s.client, "GET", "/store/kept", session(ada)...)
	lost := s.stream(t, s.client, "GET", "/store/lost", bearer(ada)...)
	for range 3 {
		if r := s.send(t, "DELETE", "/auth/sessions?except=current", "", session(ada)...); r.StatusCode != http.StatusOK {
			t.Fatalf("got %d %s", r.StatusCode, r.body)
		}
	}
	closed(t, "the bearer's", lost)
	for range 3 {
		kept.ticks <- struct{}{}
		event(t, mine)
	}
}

// A stream ends with the token that opened it.
func TestStreamEndsWithItsToken(t *testing.T) {
	s := open(t, config{JWT: "expires_in 2s", Realm: "revocation cached 500ms"})
	ada := s.register(t, "customer", "ada@example.com")
	s.ticking("/store/events", "text/event-stream")
	closed(t, "the stream", s.stream(t, s.client, "GET", "/store/events", bearer(ada)...))
}

// What is not known closes nothing, and is found out when it can be.
func TestStreamWhileTheStoreIsDown(t *testing.T) {
	redis := identitytest.StartRedis(t)
	s := open(t, config{Redis: redis.URL() + " {\ntimeout 100ms\n}", Realm: "revocation cached 200ms"})
	ada := s.join(t, "customer", "ada@example.com")
	k := s.ticking("/store/events", "text/event-stream")
	events := s.stream(t, s.client, "GET", "/store/events", session(ada)...)
	redis.Pause()
	eventually(t, "requests are not verified", func() bool {
		return s.send(t, "GET", "/store/x", "", session(ada)...).StatusCode == http.StatusServiceUnavailable
	})
	for range 3 {
		k.ticks <- struct{}{}
		event(t, events)
	}
	redis.Resume()
	eventually(t, "the session is ended", func() bool {
		r := s.send(t, "DELETE", "/auth/sessions", "", session(ada)...)
		return r.StatusCode == http.StatusOK
	})
	closed(t, "the stream", events)
	if !strings.Contains(s.log(), "stream closed") {
		t.Error("nothing is logged")
	}
}
