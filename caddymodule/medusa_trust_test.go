package caddymodule_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// Only a proxy that got no answer makes the sidecar ask anew whether the backend
// takes its tokens: neither the refusal of another handler does, nor a client
// that left.
func TestWhatIsDoubted(t *testing.T) {
	s := openRequiring(t, "", "error /refused 410\nerror /crowded 503")
	bearer, _ := s.signUp(t, "jane@example.com")
	asked := func() int {
		wantStatus(t, s.send(t, "GET", "/store/x", "", "Authorization", bearer), http.StatusOK)
		return s.medusa.Calls("POST /auth/token/refresh")
	}
	before := asked()
	wantStatus(t, s.send(t, "GET", "/refused", ""), http.StatusGone)
	wantStatus(t, s.send(t, "GET", "/crowded", "", "Authorization", bearer), http.StatusServiceUnavailable)
	s.medusa.Fault("GET /store/slow", identitytest.MedusaHangs)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		r, err := s.client.Do(s.request(t, "GET", "/store/slow", "").WithContext(ctx))
		if err == nil {
			err = r.Body.Close()
		}
		left <- err
	}()
	eventually(t, "the request is there", func() bool { return s.medusa.Calls("GET /store/slow") == 1 })
	leave()
	if err := <-left; err == nil {
		t.Error("it was answered")
	}
	eventually(t, "it is over", func() bool { return len(s.accessLines(t, "/store/slow")) == 1 })
	if n := asked(); n != before {
		t.Errorf("the backend was asked %d times again", n-before)
	}
	s.medusa.Fault("GET /store/lost", identitytest.MedusaLoses)
	wantStatus(t, s.send(t, "GET", "/store/lost", ""), http.StatusBadGateway)
	if n := asked(); n != before+1 {
		t.Errorf("the backend was asked %d times after the connection broke, want 1", n-before)
	}
}

// A body that the client does not send as it should is not the backend's fault:
// anybody could make the sidecar ask as often as they like.
func TestUnreadableBodyIsNoDoubt(t *testing.T) {
	s := openRequiring(t, "", "")
	bearer, _ := s.signUp(t, "jane@example.com")
	asked := func() int {
		wantStatus(t, s.send(t, "GET", "/store/x", "", "Authorization", bearer), http.StatusOK)
		return s.medusa.Calls("POST /auth/token/refresh")
	}
	before := asked()
	const head = "POST /store/x HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n"
	for name, text := range map[string]string{
		"chunk without length": head + "Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
		"chunk without end":    head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{",
		"shorter than it says": head + "Content-Length: 5\r\n\r\n{",
		"malformed trailers":   head + "Transfer-Encoding: chunked\r\nTrailer: X-Auth-Actor-Id, X\r\n\r\n1\r\n{\r\n0\r\nX\r\n\r\n",
	} {
		conn := s.dial(t)
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := asked(); n != before {
			t.Errorf("%s: the backend was asked %d times again; the answer was %.40q", name, n-before, answer)
			before = n
		}
	}
}
