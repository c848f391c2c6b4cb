package demo_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/caddymodule/demo"
)

func TestPublicRoutes(t *testing.T) {
	t.Parallel()
	const notFound = "<!DOCTYPE html>\n<title>Error</title>\n<pre>Cannot "
	tests := []struct {
		method, target string
		status         int
		want           string // how the body starts
	}{
		{"GET", "/health", 200, "OK"},
		{"HEAD", "/health/", 200, "OK"}, // the server leaves the body out
		{"GET", "/store/products", 200, `{"products":[{"id":"prod_`},
		{"GET", "/Store/PRODUCTS/", 200, `{"products":[{"id":"prod_`},
		{"GET", "/%73tore/products", 200, `{"products":[{"id":"prod_`},
		{"POST", "/store/products", 404, notFound + "POST /store/products<"},
		{"GET", "//store/products", 404, notFound + "GET //store/products<"},
		{"GET", "/store/x/../products", 404, notFound + "GET /store/x/../products<"},
		{"GET", "/", 404, notFound + "GET /<"},
		{"GET", "/auth/customer/emailpass", 404, notFound + "GET /auth/customer/emailpass<"},
		{"GET", "/%3Cscript%3E", 404, notFound + "GET /&lt;script&gt;<"},
		{"DELETE", "/admin/customers/a/b", 404, notFound + "DELETE /admin/customers/a/b<"},
		{"OPTIONS", "/store/customers", 404, notFound + "OPTIONS /store/customers<"},
	}
	shop := demo.NewShop(demo.ShopOptions{})
	for _, tc := range tests {
		w := httptest.NewRecorder()
		shop.ServeHTTP(w, httptest.NewRequest(tc.method, tc.target, nil))
		if w.Code != tc.status || !strings.HasPrefix(w.Body.String(), tc.want) {
			t.Errorf("%s %s: got %d %q, want %d %q", tc.method, tc.target, w.Code, w.Body, tc.status, tc.want)
		}
	}
}

func TestShopWithoutAuthenticatorKnowsNobody(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	demo.NewShop(demo.ShopOptions{}).ServeHTTP(w, httptest.NewRequest("GET", "/store/customers/me", nil))
	if w.Code != 401 {
		t.Errorf("got %d, want 401", w.Code)
	}
}

func TestEcho(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(demo.NewShop(demo.ShopOptions{}))
	defer server.Close()
	for _, target := range []string{"/store/echo", "/%61dmin/echo/"} {
		r, err := http.NewRequestWithContext(t.Context(), "DELETE", server.URL+target+"?a=%20b&c", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "shop.example.com"
		r.Header = http.Header{"X-One": {"1", "2"}, "Authorization": {"Bearer x"}, "User-Agent": {"test"}, "Accept-Encoding": {"identity"}}
		res, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var got struct {
			Method, Host, Path, Query, Remote string
			RawPath                           string `json:"raw_path"`
			Headers                           http.Header
		}
		if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got.Method != "DELETE" || got.Host != "shop.example.com" || got.RawPath != target ||
			got.Path != r.URL.Path || got.Query != "a=%20b&c" || !strings.HasPrefix(got.Remote, "127.0.0.1:") {
			t.Errorf("%s: got %+v", target, got)
		}
		if !reflect.DeepEqual(got.Headers, r.Header) {
			t.Errorf("%s: got headers %v, want %v", target, got.Headers, r.Header)
		}
	}
}

// FuzzShop: no body and no path makes the backend panic or answer 500.
func FuzzShop(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `[]`, `{"email":"a@example.com"}`, `{"email":null,"metadata":null}`, `{"email":{}}`,
		`{"metadata":{"a":[1,{}]}}`, `{"Email":"a@example.com"}`, `{"email":"a@example.com","email":1}`, "{\"email\":\"\xff\"}",
	} {
		f.Add("/store/customers", seed)
		f.Add("/store/customers/me", seed)
		f.Add("/admin/invites", seed)
		f.Add("/admin/invites/accept?token=a.b.c", seed)
	}
	f.Fuzz(func(t *testing.T, target, body string) {
		for _, as := range []demo.Caller{newcomer, admin, {ActorType: "customer", ActorID: "cus_1"}, {ActorType: "user", IdentityID: "authid_1"}} {
			r := httptest.NewRequest("POST", "/", strings.NewReader(body))
			r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			demo.NewShop(demo.ShopOptions{Authenticate: func(*http.Request) demo.Caller { return as }}).ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Errorf("%q %q: got %d %s", target, body, w.Code, w.Body)
			}
			if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && !json.Valid(w.Body.Bytes()) {
				t.Errorf("%q %q: not JSON: %s", target, body, w.Body)
			}
		}
	})
}
