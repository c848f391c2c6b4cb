package httpapi_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// handle calls a handler without a network, with a path that a client library
// might repair. A malformed escape does not get past net/http, so it stands for
// itself here.
func handle(h http.Handler, method, rawPath string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Method, r.URL = method, &url.URL{Path: rawPath}
	if decoded, err := url.PathUnescape(rawPath); err == nil {
		r.URL = &url.URL{Path: decoded, RawPath: rawPath}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPaths(t *testing.T) {
	t.Parallel()
	calls := &recorder{}
	h := calls.handler(t, "/api/auth")
	for name, test := range map[string]struct{ method, path, want string }{
		"login":              {"POST", "/api/auth/customer/emailpass", "authenticate customer emailpass"},
		"GET":                {"GET", "/api/auth/customer/emailpass", "authenticate customer emailpass"},
		"HEAD":               {"HEAD", "/api/auth/customer/emailpass", "authenticate customer emailpass"},
		"register":           {"POST", "/api/auth/customer/emailpass/register", "register customer emailpass"},
		"callback":           {"GET", "/api/auth/customer/google/callback", "callback customer google"},
		"update":             {"POST", "/api/auth/customer/emailpass/update", "update customer emailpass"},
		"case of literals":   {"POST", "/API/Auth/customer/emailpass/REGISTER", "register customer emailpass"},
		"case of parameters": {"POST", "/api/auth/Customer/EmailPass", "authenticate Customer EmailPass"},
		"trailing slash":     {"POST", "/api/auth/customer/emailpass/register/", "register customer emailpass"},
		"encoded":            {"POST", "/api/%61uth/c%75stomer/%65mailpass/%72egister", "register customer emailpass"},
		"decoded once":       {"POST", "/api/auth/a%2541/b", "authenticate a%41 b"},
		"plus and semicolon": {"POST", "/api/auth/a+b;c=d/e", "authenticate a+b;c=d e"},
		"unicode":            {"POST", "/api/auth/%C3%A9/b", "authenticate é b"},
		"placeholder":        {"POST", "/api/auth/%7Bactor%7D/%7Bprovider%7D", "authenticate {actor} {provider}"},

		"a literal is one per method":      {"GET", "/api/auth/token/refresh", "authenticate token refresh"},
		"POST to the list of providers":    {"POST", "/api/auth/customer/providers", "authenticate customer providers"},
		"list of providers":                {"GET", "/api/auth/customer/providers", "providers customer"},
		"GET of a literal that is not one": {"GET", "/api/auth/verification/confirm", "authenticate verification confirm"},

		"the prefix alone":      {"GET", "/api/auth", ""},
		"the prefix, a slash":   {"GET", "/api/auth/", ""},
		"outside":               {"POST", "/api/customer/emailpass", ""},
		"a longer word":         {"POST", "/api/authors/customer", ""},
		"two slashes":           {"POST", "/api/auth//customer/emailpass", ""},
		"two slashes in front":  {"POST", "//api/auth/customer/emailpass", ""},
		"two trailing slashes":  {"POST", "/api/auth/customer/emailpass//", ""},
		"empty actor":           {"POST", "/api/auth//emailpass", ""},
		"dot segments":          {"POST", "/api/auth/x/../customer/emailpass", ""},
		"dot segment":           {"POST", "/api/auth/./emailpass", ""},
		"encoded dot segments":  {"POST", "/api/auth/%2e%2e/emailpass", ""},
		"half encoded":          {"POST", "/api/auth/.%2E/emailpass", ""},
		"encoded slash":         {"POST", "/api/auth/customer%2femailpass/register", ""},
		"backslash":             {"POST", `/api/auth/customer\x/emailpass`, ""},
		"encoded backslash":     {"POST", "/api/auth/customer%5cx/emailpass", ""},
		"NUL":                   {"POST", "/api/auth/customer%00/emailpass", ""},
		"line feed":             {"POST", "/api/auth/customer/email%0apass", ""},
		"DEL":                   {"POST", "/api/auth/customer/emailpass%7f", ""},
		"not UTF-8":             {"POST", "/api/auth/customer/%ff", ""},
		"no path":               {"OPTIONS", "*", ""},
		"empty path":            {"GET", "", ""},
		"long s in a literal":   {"DELETE", "/api/auth/\u017fession", ""},
		"Kelvin sign":           {"POST", "/api/auth/to\u212aen/refresh/x", ""},
		"MFA":                   {"POST", "/api/auth/mfa/factors", ""},
		"MFA list":              {"GET", "/api/auth/mfa/factors", ""},
		"recovery codes":        {"POST", "/api/auth/mfa/recovery-codes", ""},
		"MFA challenge":         {"POST", "/api/auth/mfa/challenges/x/verify", ""},
		"verification":          {"POST", "/api/auth/verification/request", ""},
		"user of a provider":    {"POST", "/api/auth/google/user", ""},
		"keys, if there are no": {"GET", "/api/auth/.well-known/jwks.json", ""},
		"too long":              {"POST", "/api/auth/a/b/c/d", ""},
		"method in lower case":  {"post", "/api/auth/customer/emailpass", ""},
	} {
		calls.reset()
		w := handle(h, test.method, test.path)
		if got := calls.String(); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
		if test.want == "" && (w.Code != 404 || w.Body.String() != notFoundBody) {
			t.Errorf("%s: got %d %s", name, w.Code, w.Body)
		}
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	h := (&recorder{}).handler(t, "")
	for path, want := range map[string]string{
		"/auth/session": "POST,DELETE", "/auth/token/refresh": "POST,GET,HEAD", "/auth/customer/providers": "GET,HEAD,POST",
		"/auth/customer/emailpass": "POST,GET,HEAD", "/auth/customer/google/callback": "GET,HEAD,POST", "/auth/a/b/register": "POST",
		"/auth/a/b/update/": "POST", "/auth/a/b/reset-password": "POST", "/auth/mfa/factors": "", "/auth/google/user": "GET,HEAD", "/auth": "",
	} {
		w := handle(h, http.MethodOptions, path)
		if got := w.Header().Get("Allow"); got != want || want != "" && (w.Code != 200 || w.Body.String() != want) {
			t.Errorf("%s: got %d %q, want %q", path, w.Code, got, want)
		}
	}
}

func TestKeySet(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.ParsePEM(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "k1")
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(t, func(set *setup) { set.keys = []token.Key{key} })
	res := s.mustDo(200, request{"GET", "/auth/.well-known/jwks.json", "", headers("Origin", storefront)})
	if res.body != string(s.ring.JWKS()) || !strings.Contains(res.body, `"kid":"k1"`) || strings.Contains(res.body, `"d"`) ||
		res.header.Get("Content-Type") != "application/jwk-set+json" || res.header.Get("Cache-Control") != "" ||
		res.header.Get("Access-Control-Allow-Origin") != storefront {
		t.Errorf("got %s %v", res.body, res.header)
	}
	s.register("keys@example.com", "pass-1")
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"auth", "/auth/", "/", "//auth", "/a//b", "/a/../b", "/a%2fb", "/%zz"} {
		c := (&recorder{}).config(prefix)
		if _, err := httpapi.New(c); err == nil || !strings.Contains(err.Error(), "prefix") {
			t.Errorf("prefix %q: got error %v", prefix, err)
		}
	}
	for name, change := range map[string]func(*httpapi.Config){
		"no service":    func(c *httpapi.Config) { c.Service = nil },
		"no tokens":     func(c *httpapi.Config) { c.Tokens = nil },
		"no sessions":   func(c *httpapi.Config) { c.Sessions = nil },
		"no verifier":   func(c *httpapi.Config) { c.Verifier = nil },
		"negative body": func(c *httpapi.Config) { c.MaxBody = -1 },
		"broken keys":   func(c *httpapi.Config) { c.Tokens = &fakeTokens{jwks: "{"} },
	} {
		c := (&recorder{}).config("")
		change(&c)
		if h, err := httpapi.New(c); err == nil || h != nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// FuzzRoute: whatever the method and path, there is an answer, and a 404 says
// nothing of either.
func FuzzRoute(f *testing.F) {
	for _, path := range []string{
		"/auth", "/auth/", "/auth/customer/emailpass", "/auth/token/refresh", "/auth/session", "/AUTH/x/providers", "/auth/%2e%2e/x", "/auth/a%2fb/c",
		"/auth/%zz/x", "//auth//", "/auth/\x00/x", "/auth/a/b/callback", "/auth/.well-known/jwks.json", "/auth/a/b/reset-password", "*", "", "/auth/%ff/%C3%A9",
	} {
		for _, method := range []string{"GET", "POST", "DELETE", "OPTIONS", "HEAD", "PUT"} {
			f.Add(method, path)
		}
	}
	calls := &recorder{refusal: &identity.Error{Code: identity.CodeUnauthorized, Reason: "fuzz"}}
	h := calls.handler(f, "")
	f.Fuzz(func(t *testing.T, method, path string) {
		w := handle(h, method, path)
		switch w.Code {
		case 200, 400, 401, 404:
		default:
			t.Errorf("%s %q: got %d %s", method, path, w.Code, w.Body)
		}
		if w.Code == 404 && method != "HEAD" && w.Body.String() != notFoundBody || !utf8.Valid(w.Body.Bytes()) {
			t.Errorf("%s %q: got %s", method, path, w.Body)
		}
	})
}
