//go:build unix

package e2e

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// A WebSocket by HTTP/2 (RFC 8441) is refused by Caddy, which does not offer it. Where
// Go's own switch makes it offer that, it is closed when its caller is revoked, and
// somebody else's is not (attack F7).
func TestSocketsByHTTP2(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, both)
	}))
	t.Cleanup(backend.Close)
	global := strings.TrimSuffix(sidecarGlobal, "}") + "revocation cached 1h\n}\nservers {\nprotocols h1 h2c\n}"
	site := "auth_sidecar\nauth_require * * {\nallow_unregistered\n}\nreverse_proxy " + strings.TrimPrefix(backend.URL, "http://")
	for name, offered := range map[string]bool{"as it is": false, "GODEBUG=http2xconnect=1": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := identitytest.StartRedis(t)
			env := sidecarEnv(redis)
			if offered {
				env = append(env, name)
			}
			caddy := StartCaddy(t, CaddyConfig{Global: global, Site: site, Env: env})
			join := func(address string) string {
				return ask(t, caddy, "POST", "/auth/customer/emailpass/register", `{"email":"`+address+`","password":"correct horse"}`).token(t)
			}
			jane, bob := join("jane@example.com"), join("bob@example.com")
			hers := dialSocket(t, caddy.Addr())
			if hers.offered != offered {
				t.Errorf("it is offered: %t", hers.offered)
			}
			hers.open(t, jane)
			if !offered {
				if got := hers.read(t); got != "reset" {
					t.Errorf("got %q", got)
				}
				return
			}
			his := dialSocket(t, caddy.Addr())
			his.open(t, bob)
			for _, s := range []*socketH2{hers, his} {
				if got := s.read(t); got != "status 200" {
					t.Fatalf("got %q", got)
				}
				s.echoes(t)
			}
			nobody := dialSocket(t, caddy.Addr())
			nobody.open(t, "")
			if got := nobody.read(t); got != "status 401" {
				t.Errorf("nobody gets %q", got)
			}
			ask(t, caddy, "DELETE", "/auth/sessions", "", "Authorization", jane).want(t, http.StatusOK)
			if got := hers.read(t); got != "reset" && got != "end" {
				t.Errorf("got %q", got)
			}
			his.echoes(t)
		})
	}
}

// socketH2 is a connection of HTTP/2 with one stream.
type socketH2 struct {
	net.Conn
	framer  *http2.Framer
	offered bool
}

// dialSocket connects, and hears whether the server offers extended CONNECT.
func dialSocket(t *testing.T, addr string) *socketH2 {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil { // only a hang reaches it
		t.Fatal(err)
	}
	s := &socketH2{Conn: conn, framer: http2.NewFramer(conn, conn)}
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := s.framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	frame, err := s.framer.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	settings, ok := frame.(*http2.SettingsFrame)
	if !ok {
		t.Fatalf("got %v", frame)
	}
	value, _ := settings.Value(http2.SettingEnableConnectProtocol)
	s.offered = value == 1
	if err := s.framer.WriteSettingsAck(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *socketH2) open(t *testing.T, authorization string) {
	t.Helper()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	fields := []hpack.HeaderField{
		{Name: ":method", Value: "CONNECT"}, {Name: ":protocol", Value: "websocket"}, {Name: ":scheme", Value: "http"},
		{Name: ":path", Value: "/store/socket"}, {Name: ":authority", Value: "shop"}, {Name: "sec-websocket-version", Value: "13"},
	}
	if authorization != "" {
		fields = append(fields, hpack.HeaderField{Name: "authorization", Value: authorization})
	}
	for _, f := range fields {
		if err := encoder.WriteField(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}); err != nil {
		t.Fatal(err)
	}
}

func (s *socketH2) echoes(t *testing.T) {
	t.Helper()
	if err := s.framer.WriteData(1, false, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	for got := ""; got != "hello"; {
		next := s.read(t)
		if got += next; !strings.HasPrefix("hello", got) {
			t.Fatalf("got %q", got)
		}
	}
}

// read returns what comes next of the stream: its status, data, `end` or `reset`.
func (s *socketH2) read(t *testing.T) string {
	t.Helper()
	for {
		frame, err := s.framer.ReadFrame()
		if err != nil {
			if stream, ok := errors.AsType[http2.StreamError](err); ok {
				return stream.Error()
			}
			t.Fatal(err)
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			return "status " + f.PseudoValue("status")
		case *http2.DataFrame:
			if len(f.Data()) > 0 {
				return string(f.Data())
			}
			if f.StreamEnded() {
				return "end"
			}
		case *http2.RSTStreamFrame:
			return "reset"
		}
	}
}
