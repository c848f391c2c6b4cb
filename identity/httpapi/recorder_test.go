package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

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
	gone    error  // what Present returns
	leaves  bool   // RemoveProvider gives no claims
	during  func() // called in every operation
}

func (r *recorder) config(prefix string) httpapi.Config {
	return httpapi.Config{
		Prefix: prefix, Service: r, Tokens: &fakeTokens{jwks: `{"keys":[]}`}, Sessions: &fakeSessions{}, Verifier: &fakeVerifier{},
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

func (r *recorder) Known(actor, provider string) (string, string) {
	return map[string]string{"customer": actor}[actor], map[string]string{"google": provider}[provider]
}

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

// Present is not noted: it asks about who is known already.
func (r *recorder) Present(context.Context, identity.Claims) error { return r.gone }

// AccountOf is not noted either.
func (r *recorder) AccountOf(context.Context, identity.Claims) (string, error) {
	return "", identity.ErrNotFound
}

func (r *recorder) RequestReset(_ context.Context, actor, provider, identifier string, metadata json.RawMessage) error {
	return r.note(identity.Input{}, "reset", actor, provider, identifier, string(metadata))
}

func (r *recorder) Update(_ context.Context, actor, provider, _ string, in identity.Input) error {
	return r.note(in, "update", actor, provider)
}

func (r *recorder) RemoveProvider(_ context.Context, c identity.Claims, provider string) (*identity.Claims, error) {
	if r.leaves {
		return nil, r.note(identity.Input{}, "remove", provider)
	}
	return &c, r.note(identity.Input{}, "remove", provider)
}

func (r *recorder) Current(_ context.Context, c identity.Claims) (*identity.Identity, error) {
	return &identity.Identity{ID: c.IdentityID}, r.note(identity.Input{}, "current")
}

func (r *recorder) Revoke(_ context.Context, id string) error {
	return r.note(identity.Input{}, "revoke", id)
}

func (r *recorder) RevokeOthers(ctx context.Context, c identity.Claims, keep func(context.Context, identity.Claims, time.Time) error) error {
	if err := keep(ctx, c, time.Time{}); err != nil {
		return err
	}
	return r.note(identity.Input{}, "revoke others", c.IdentityID)
}

func (r *recorder) CreateUser(_ context.Context, c identity.Claims, provider string) (json.RawMessage, error) {
	return json.RawMessage(`{"user":{"id":"user_1"}}`), r.note(identity.Input{}, "create user", c.IdentityID, provider)
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

// fakeSessions knows one session, or none when sid is empty. Changes of it fail
// with err.
type fakeSessions struct {
	sid     string
	err     error
	loadErr error
	again   error // of EndAgain
}

func (f *fakeSessions) FromRequest(http.Header) (string, bool) { return f.sid, f.sid != "" }

func (f *fakeSessions) Load(context.Context, string) (*session.Record, error) {
	return &session.Record{Latest: "customer", Contexts: map[string]identity.Claims{"customer": {IdentityID: "authid_1", ActorType: "customer"}}}, f.loadErr
}

func (f *fakeSessions) Start(context.Context, string, identity.Claims, bool) (session.Started, error) {
	return session.Started{SID: "new", SetCookie: "started"}, f.err
}

func (f *fakeSessions) Touch(context.Context, string, *session.Record, bool) (string, error) {
	if f.err != nil {
		return "", f.err
	}
	return "touched", nil
}

func (f *fakeSessions) End(context.Context, string, *session.Record) error { return f.err }

func (f *fakeSessions) EndAgain(context.Context, string) error { return f.again }

func (f *fakeSessions) List(context.Context, string, time.Time) ([]identity.SessionEntry, error) {
	return nil, f.err
}

func (f *fakeSessions) EndListed(context.Context, string, time.Time, string) (string, error) {
	return "other", f.err
}

func (f *fakeSessions) EndAll(context.Context, string, string) ([]string, error) {
	return []string{"other"}, f.err
}

func (f *fakeSessions) Renew(context.Context, string, string, time.Time, int64) error { return f.err }

func (*fakeSessions) ClearCookie() string { return "cleared" }

func (f *fakeSessions) Browser(http.Header) identity.Browser {
	return identity.Browser{ID: "browser"}
}

func (*fakeSessions) BrowserCookie(identity.Browser, bool) string { return "browser" }

func (*fakeSessions) Device(http.Header, string) string { return "" }

func (*fakeSessions) DeviceCookie(http.Header, string, bool) string { return "device" }

// fakeVerifier takes every token for one of these claims.
type fakeVerifier struct {
	claims    identity.Claims
	forgotten []string
}

func (f *fakeVerifier) VerifyBearer(context.Context, string) (*identity.Claims, error) {
	return &f.claims, nil
}

func (f *fakeVerifier) ForgetSession(sid string) { f.forgotten = append(f.forgotten, sid) }
