package caddymodule_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// http3 returns a transport that reaches the shop by HTTP/3 alone.
func (s *shop) http3(t *testing.T) *http3.Transport {
	t.Helper()
	transport := &http3.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}, //nolint:gosec // the certificate is made up
		QUICConfig:      &quic.Config{MaxIdleTimeout: time.Minute},
		Dial: func(ctx context.Context, _ string, c *tls.Config, q *quic.Config) (*quic.Conn, error) {
			return quic.DialAddrEarly(ctx, s.addr(), c, q)
		},
	}
	t.Cleanup(func() { _ = transport.Close() })
	return transport
}

// Over HTTP/3 the streams are closed at both ends, also those of which nobody knew
// that they would last, and the connection serves others.
func TestStreamsOfTheRevokedByHTTP3(t *testing.T) {
	s := open(t, config{TLS: true, Realm: "revocation cached 1h"})
	client := &http.Client{Transport: s.http3(t), Timeout: time.Minute}
	ada, bob := s.join(t, "customer", "ada@example.com"), s.join(t, "customer", "bob@example.com")
	hers := s.ticking("/store/events", "text/event-stream")
	pieces := s.ticking("/store/pieces", "application/x-ndjson")
	his := s.ticking("/store/more", "text/event-stream")
	streams := map[string]*bufio.Reader{
		"announced":   s.stream(t, client, "GET", "/store/events", append(session(ada), "Accept", "text/event-stream")...),
		"unannounced": s.stream(t, client, "POST", "/store/events", bearer(ada)...),
		"pieces":      s.stream(t, client, "GET", "/store/pieces", session(ada)...),
	}
	other := s.stream(t, client, "GET", "/store/more", bearer(bob)...)
	s.send(t, "DELETE", "/auth/sessions", "", bearer(ada)...)
	for what, from := range streams {
		closed(t, what, from)
	}
	for range 2 {
		<-hers.ended
	}
	<-pieces.ended
	his.ticks <- struct{}{}
	event(t, other)
}

// socket3 opens a WebSocket by HTTP/3 (RFC 9220).
func (s *shop) socket3(t *testing.T, header ...string) (*http3.RequestStream, *http.Response) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // only a hang reaches it
	defer cancel()
	transport := s.http3(t)
	conn, err := quic.DialAddr(ctx, s.addr(), http3.ConfigureTLSConfig(transport.TLSClientConfig), transport.QUICConfig)
	if err != nil {
		t.Fatal(err)
	}
	client := transport.NewClientConn(conn)
	t.Cleanup(func() { _ = client.CloseWithError(0, "") })
	<-client.ReceivedSettings()
	stream, err := client.OpenRequestStream(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	r := s.request(t, http.MethodConnect, "/store/socket", "", header...)
	r.Proto = "websocket"
	if err := stream.SendRequestHeader(r); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.ReadResponse()
	if err != nil {
		t.Fatal(err)
	}
	return stream, answer
}

// A WebSocket by HTTP/3 is one to the backend, and ends with its caller. Another
// site's page opens none.
func TestSocketsOfTheRevokedByHTTP3(t *testing.T) {
	s := open(t, config{TLS: true, Realm: "revocation cached 1h"})
	ada, bob := s.join(t, "customer", "ada@example.com"), s.join(t, "customer", "bob@example.com")
	ended := s.echoing("/store/socket")
	hers, _ := s.socket3(t, session(ada)...)
	his, _ := s.socket3(t, bearer(bob)...)
	got := s.requests()
	for n, p := range []person{ada, bob} {
		if r := got[len(got)-2+n]; r.Method != http.MethodGet || r.Header.Get("Upgrade") != "websocket" || r.Header["Cookie"] != nil {
			t.Errorf("the backend got %+v", r)
		}
		wantIdentity(t, got[len(got)-2+n], p.identity())
	}
	if _, answer := s.socket3(t, append(session(ada), "Origin", "https://evil.example")...); answer.StatusCode != http.StatusForbidden {
		t.Errorf("another site gets %s", answer.Status)
	}
	for range 2 {
		echoes(t, hers, hers)
		echoes(t, his, his)
	}
	s.send(t, "DELETE", "/auth/sessions", "", bearer(ada)...)
	closed(t, "hers", bufio.NewReader(hers))
	<-ended
	echoes(t, his, his)
	his.CancelRead(0)
	_ = his.Close()
	s.allSocketsEnd(t, 3)
}
