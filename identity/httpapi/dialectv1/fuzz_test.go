package dialectv1_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/dialectv1"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// FuzzPlausible: what is taken for an address is short, printable and has one at
// sign between two parts.
func FuzzPlausible(f *testing.F) {
	for _, seed := range []string{"jane@example.com", "a.b@c.xn--d", "@", "a@b@c.de", "\u2126@\u212a.com", "\xff@a.bc"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !dialectv1.Plausible(s) {
			return
		}
		local, domain, _ := strings.Cut(s, "@")
		if len(s) > 64+1+254 || local == "" || !strings.Contains(domain, ".") || strings.ContainsAny(s, " \t\r\n<>()\"\\,;:") || strings.Contains(domain, "@") || !utf8.ValidString(s) {
			t.Errorf("%q", s)
		}
	})
}

// FuzzServe throws bodies and content types at a login: it answers 200 only to the
// right credentials, 4xx to all others.
func FuzzServe(f *testing.F) {
	handler := newFuzzed(f)
	for _, body := range []string{jane, "{", "[]", `{"email":"jane@example.com","password":[{}]}`, `{"email":{"a":1}}`, "\ufeff{}", `{"a":"\ud800"}`} {
		f.Add("/store/auth", body, "application/json")
	}
	f.Add("/admin/auth/token", "{}", `application/json; charset="`)
	f.Add("/store/customers", `{"email":"a@b.co","password":1e999}`, "application/json;;")
	f.Add("/Store//Auth/../auth/", jane, "APPLICATION/JSON; charset=utf-8; charset=utf-16")
	f.Fuzz(func(t *testing.T, path, body, media string) {
		if !strings.HasPrefix(path, "/") {
			return
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.URL.Path = path
		r.Header.Set("Content-Type", media)
		w := httptest.NewRecorder()
		if !handler.Serve(w, r) {
			return
		}
		if w.Code < 400 || w.Code >= 500 {
			t.Errorf("%q %q %q: %d %s", path, body, media, w.Code, w.Body)
		}
	})
}

// newFuzzed is a handler whose service knows nobody.
func newFuzzed(f *testing.F) *dialectv1.Handler {
	f.Helper()
	h, err := dialectv1.New(dialectv1.Config{Service: nobody{}, Tokens: nobody{}, Sessions: nobody{}, Verifier: nobody{}})
	must(f, err)
	return h
}

var errRefused = &identity.Error{Code: identity.CodeUnauthorized, Reason: "password_mismatch"}

type nobody struct{}

func (nobody) SignUp(context.Context, identity.Input, json.RawMessage) (identity.Claims, json.RawMessage, error) {
	return identity.Claims{}, nil, errRefused
}

func (nobody) SignIn(context.Context, string, identity.Input) (identity.Claims, error) {
	return identity.Claims{}, errRefused
}

func (nobody) Account(context.Context, identity.Claims) (*identity.Identity, json.RawMessage, error) {
	return nil, nil, errRefused
}

func (nobody) HasAccount(context.Context, string, string) (bool, error) { return false, nil }

func (nobody) AccountOf(context.Context, identity.Claims) (string, error) { return "", errRefused }

func (nobody) Device(http.Header, string) string { return "" }

func (nobody) DeviceCookie(http.Header, string, bool) string { return "" }

func (nobody) RequestReset(context.Context, string, string, string, json.RawMessage) error {
	return errRefused
}

func (nobody) ResetPassword(context.Context, string, string, string, identity.Input) (identity.Claims, error) {
	return identity.Claims{}, errRefused
}

func (nobody) Access(identity.Claims) (string, error)        { return "", errRefused }
func (nobody) FromRequest(http.Header) (string, bool)        { return "", false }
func (nobody) Request(*http.Request) (*verify.Result, error) { return new(verify.Result), nil }
func (nobody) ForgetSession(string)                          {}

func (nobody) Start(context.Context, string, identity.Claims, bool) (session.Started, error) {
	return session.Started{}, errRefused
}

func (nobody) Touch(context.Context, string, *session.Record, bool) (string, error) {
	return "", errRefused
}

func (nobody) Leave(context.Context, string, string, bool) (string, error) { return "", errRefused }
func (nobody) EndAgain(context.Context, string) error                      { return errRefused }
func (nobody) ClearCookie() string                                         { return "" }
