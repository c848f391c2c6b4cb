package medusa_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusa"
)

// Only what the backend cannot have handled, or says that it did not, may be
// repeated.
func TestRequestResetMayBeRepeated(t *testing.T) {
	t.Parallel()
	answer := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { write(w, status, `{"type":"x","message":"y"}`) }
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		again   bool
	}{
		"no answer in time": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // before it, nobody notices that the client has gone
			<-r.Context().Done()
		}, false},
		"the answer is lost": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false},
		"the answer is cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			write(w, 201, "Created")
		}, false},
		"bad gateway":     {answer(502), false},
		"gateway timeout": {answer(504), false},
		"not available":   {answer(503), true},
		"too many":        {answer(429), true},
		"an error":        {answer(500), true},
	} {
		server := httptest.NewServer(test.handler)
		t.Cleanup(server.Close)
		err := newBackend(t, server.URL, nil).RequestReset(t.Context(), "customer", "jane@example.com", nil)
		if err == nil || errors.Is(err, identity.ErrUncertain) == test.again || identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What was never sent may be repeated.
func TestRequestResetThatWasNotSent(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	b := newBackend(t, address, func(c *medusa.Config) { c.Timeout = time.Minute })
	for name, ctx := range map[string]context.Context{"refused": t.Context(), "given up": ended} {
		err := b.RequestReset(ctx, "customer", "jane@example.com", nil)
		if identity.CodeOf(err) != identity.CodeUnavailable || errors.Is(err, identity.ErrUncertain) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A connection that the backend closed meanwhile is not used for it.
func TestRequestResetUsesNoOldConnection(t *testing.T) {
	t.Parallel()
	var connections []net.Conn
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { write(w, 201, "{}") }))
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		connections = append(connections, c) // one after the other
		return ctx
	}
	server.Start()
	t.Cleanup(server.Close)
	b := newBackend(t, server.URL, func(c *medusa.Config) { c.Timeout = time.Minute })
	for range 2 {
		if err := b.RequestReset(t.Context(), "customer", "jane@example.com", nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(connections) != 2 {
		t.Errorf("%d connections", len(connections))
	}
}
