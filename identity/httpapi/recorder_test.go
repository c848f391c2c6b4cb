package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// recorder is a Service that notes what it is asked to do, and does it or
// refuses.
type recorder struct {
	mu      sync.Mutex
	calls   []string
	input   identity.Input
	refusal error
	during  func() // called in every operation
}

func (r *recorder) config(prefix string) httpapi.Config {
	return httpapi.Config{
		Prefix: prefix, Service: r, Tokens: &fakeTokens{jwks: `{"keys":[]}`}, Sessions: noSessions{}, Verifier: noVerifier{},
	}
}

func (r *recorder) handler(t testing.TB, prefix string) *httpapi.Handler {
	t.Helper()
	h, err := httpapi.New(r.config(prefix))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (r *recorder) note(in identity.Input, call ...string) error {
	r.mu.Lock()
	r.calls, r.input = append(r.calls, strings.Join(call, " ")), in
	r.mu.Unlock()
	if r.during != nil {
		r.during()
	}
	return r.refusal
}

func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls, r.input = nil, identity.Input{}
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.calls, "; ")
}

func (r *recorder) Guard(string, string) error { return nil }

func (r *recorder) Register(_ context.Context, actor, provider string, in identity.Input) (identity.Claims, error) {
	return identity.Claims{}, r.note(in, "register", actor, provider)
}

func (r *recorder) Authenticate(_ context.Context, actor, provider string, in identity.Input) (identity.Login, error) {
	return identity.Login{}, r.note(in, "authenticate", actor, provider)
}

func (r *recorder) Callback(_ context.Context, actor, provider string, in identity.Input) (identity.Login, error) {
	return identity.Login{}, r.note(in, "callback", actor, provider)
}

func (r *recorder) Refresh(context.Context, identity.Claims) (identity.Claims, error) {
	return identity.Claims{}, r.note(identity.Input{}, "refresh")
}

func (r *recorder) RequestReset(_ context.Context, actor, provider, identifier string, metadata json.RawMessage) error {
	return r.note(identity.Input{}, "reset", actor, provider, identifier, string(metadata))
}

func (r *recorder) Update(_ context.Context, actor, provider, _ string, in identity.Input) error {
	return r.note(in, "update", actor, provider)
}

func (r *recorder) Providers(actor string) []identity.ProviderInfo {
	_ = r.note(identity.Input{}, "providers", actor)
	return []identity.ProviderInfo{}
}

type fakeTokens struct {
	jwks string
	err  error
}

func (f *fakeTokens) Access(identity.Claims) (string, error) { return "token", f.err }

func (*fakeTokens) ParseAccess(string) (*identity.Claims, error) {
	return &identity.Claims{IdentityID: "authid_1", ActorType: "customer"}, nil
}

func (f *fakeTokens) JWKS() []byte { return []byte(f.jwks) }

// noSessions knows none; its other methods are not called.
type noSessions struct{ httpapi.Sessions }

func (noSessions) FromRequest(http.Header) (string, bool) { return "", false }

func (noSessions) Load(context.Context, string) (*session.Record, error) {
	return nil, identity.ErrNotFound
}

// noVerifier is for tests in which nobody presents a token.
type noVerifier struct{ httpapi.Verifier }
