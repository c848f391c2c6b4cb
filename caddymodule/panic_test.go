package caddymodule_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func init() {
	caddy.RegisterModule(new(panicking))
}

// panicking is a provider with a defect.
type panicking struct{}

// CaddyModule returns the Caddy module information.
func (*panicking) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "auth_sidecar.providers.panicking", New: func() caddy.Module { return new(panicking) }}
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler.
func (*panicking) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

func (*panicking) DisplayName() string { return "Panicking" }

func (*panicking) Flow() identity.Flow { return identity.FlowCredentials }

func (*panicking) Authenticate(_ context.Context, _ identity.Accounts, in identity.Input) (*identity.Identity, error) {
	panic(in.Body["password"])
}

// A panic in a route is an answer 500 that shows nothing, never a request to the
// backend, and Caddy lives on (attack J4).
func TestPanicInARoute(t *testing.T) {
	s := open(t, config{Realm: "provider emailpass quick\nprovider panicking"})
	for range 3 {
		r := s.send(t, "POST", "/auth/customer/panicking", `{"email":"ada@example.com","password":"secret-of-the-panic"}`)
		r.want(t, http.StatusInternalServerError, `{"code":"unknown_error","type":"unknown_error","message":"An unknown error occurred."}`)
	}
	if got := s.requests(); len(got) != 0 {
		t.Errorf("the backend got %v", got)
	}
	if log := s.log(); !strings.Contains(log, "panic in a route") || strings.Contains(log, "secret-of-the-panic") || strings.Contains(log, "ada@example.com") {
		t.Errorf("the log is %s", log)
	}
	s.join(t, "customer", "ada@example.com")
}

// A backend that breaks off in the middle of an answer has made no actor.
func TestBackendBreaksOff(t *testing.T) {
	s := open(t, config{})
	ada := s.register(t, "customer", "ada@example.com")
	s.on("/store/customers", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"customer":{"id":"cus_1"}}`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	// Without a body: Caddy counts its bytes for the log while the transport may
	// still read it, which is a race of their own.
	r, err := s.client.Do(s.request(t, "POST", "/store/customers", "", bearer(ada)...))
	if err == nil {
		_, err = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	if err == nil {
		t.Errorf("the client got a whole answer: %s", r.Status)
	}
	if got := s.actorOf(t, ada); got != "" {
		t.Errorf("linked to %q", got)
	}
}
