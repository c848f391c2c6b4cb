package demo_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/golang-jwt/jwt/v5"
)

// load provisions a handler as Caddy does; unload ends its configuration.
func load(t *testing.T, config string) (handler caddyhttp.MiddlewareHandler, unload func(), err error) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel) // may be called again
	module, err := ctx.LoadModuleByID("http.handlers.auth_sidecar_demo", []byte(config))
	if err != nil {
		return nil, cancel, err
	}
	return module.(caddyhttp.MiddlewareHandler), cancel, nil
}

// serve sends a request through the handler; what it passes on is answered 418.
func serve(t *testing.T, handler caddyhttp.MiddlewareHandler, method, target, body string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	err := handler.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusTeapot)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestHandlerKinds(t *testing.T) {
	t.Setenv("DEMO_JWT_SECRET", secret)
	legacy := map[string]string{"X-Auth-Actor-Type": "user", "X-Auth-Actor-Id": "user_1"}
	medusa := map[string]string{"Authorization": bearer(t, admin)}
	forged := map[string]string{"Authorization": "Bearer " + token(t, jwt.SigningMethodHS256, []byte("guess"), jwt.MapClaims{
		"actor_id": "user_1", "actor_type": "user",
	})}
	tests := []struct {
		config, target string
		header         map[string]string
		status         int
	}{
		{`{}`, "/", nil, 200},
		{`{}`, "/store/products", nil, 418},
		{`{"kind":"storefront"}`, "/app.js", nil, 200},
		{`{"kind":"storefront"}`, "/admin/customers", legacy, 418},
		{`{"kind":"legacy"}`, "/", nil, 404},
		{`{"kind":"legacy"}`, "/store/products", nil, 200},
		{`{"kind":"legacy"}`, "/admin/customers", legacy, 200},
		{`{"kind":"legacy"}`, "/admin/customers", medusa, 401},
		{`{"kind":"medusa","jwt_secret":"{env.DEMO_JWT_SECRET}"}`, "/store/products", nil, 200},
		{`{"kind":"medusa","jwt_secret":"{env.DEMO_JWT_SECRET}"}`, "/admin/customers", legacy, 401},
		{`{"kind":"medusa","jwt_secret":"{env.DEMO_JWT_SECRET}"}`, "/admin/customers", forged, 401},
		{`{"kind":"medusa","jwt_secret":"{env.DEMO_JWT_SECRET}"}`, "/admin/customers", medusa, 200},
	}
	for _, tc := range tests {
		handler, unload, err := load(t, tc.config)
		if err != nil {
			t.Fatalf("%s: %v", tc.config, err)
		}
		if w := serve(t, handler, "GET", tc.target, "", tc.header); w.Code != tc.status {
			t.Errorf("%s %s: got %d %s, want %d", tc.config, tc.target, w.Code, w.Body, tc.status)
		}
		unload()
	}
}

func TestLegacyBackendAnnouncesLinks(t *testing.T) {
	handler, unload, err := load(t, `{"kind":"legacy","name":"links"}`)
	if err != nil {
		t.Fatal(err)
	}
	defer unload()
	w := serve(t, handler, "POST", "/store/customers", `{"email":"ada@example.com"}`, map[string]string{
		"Content-Type": "application/json", "X-Auth-Actor-Type": "customer", "X-Auth-Identity-Id": "authid_1",
	})
	if got, want := w.Header().Get("X-Auth-Link"), "customer="+idOf(t, w); got != want {
		t.Errorf("X-Auth-Link: got %q, want %q", got, want)
	}
}

func TestHandlerRefuses(t *testing.T) {
	t.Setenv("DEMO_EMPTY", "")
	for config, want := range map[string]string{
		`{"kind":"shopify"}`:                                    `unknown kind "shopify": expected storefront, medusa, legacy or openid`,
		`{"kind":"medusa"}`:                                     "jwt_secret is required for the kind medusa",
		`{"kind":"medusa","jwt_secret":"plain"}`:                "jwt_secret is a placeholder {env.NAME} or {file.PATH}, not the secret itself",
		`{"kind":"medusa","jwt_secret":"{env.A}{env.B}"}`:       "jwt_secret is a placeholder",
		`{"kind":"medusa","jwt_secret":"{http.request.host}"}`:  "jwt_secret is a placeholder",
		`{"kind":"medusa","jwt_secret":"{env.DEMO_EMPTY}"}`:     "resolve jwt_secret: evaluated placeholder {env.DEMO_EMPTY} is empty",
		`{"kind":"medusa","jwt_secret":"{env.DEMO_MISSING_1}"}`: "resolve jwt_secret: evaluated placeholder {env.DEMO_MISSING_1} is empty",
		`{"kind":"legacy","jwt_secret":"{env.A}"}`:              "jwt_secret is for the kind medusa only",
		`{"jwt_secret":"{env.A}"}`:                              "jwt_secret is for the kind medusa only",
		`{"kind":"storefront","name":"x"}`:                      "name is for the kinds medusa and legacy only",
		`{"kind":"legacy","secret":"x"}`:                        `unknown field "secret"`,
	} {
		_, _, err := load(t, config)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", config, err, want)
		}
	}
}

func TestShopSurvivesAReload(t *testing.T) {
	t.Setenv("DEMO_JWT_SECRET", secret)
	must := func(config string) (caddyhttp.MiddlewareHandler, func()) {
		handler, unload, err := load(t, config)
		if err != nil {
			t.Fatal(err)
		}
		return handler, unload
	}
	register := func(handler caddyhttp.MiddlewareHandler) int {
		return serve(t, handler, "POST", "/store/customers", `{"email":"ada@example.com"}`, map[string]string{
			"Content-Type": "application/json", "X-Auth-Actor-Type": "customer", "X-Auth-Identity-Id": "authid_1",
		}).Code
	}
	const config, other = `{"kind":"legacy","name":"reload"}`, `{"kind":"legacy","name":"other"}`

	before, unloadBefore := must(config)
	if got := register(before); got != 200 {
		t.Fatalf("got %d, want 200", got)
	}
	after, unloadAfter := must(config)
	unloadBefore()
	if got := register(after); got != 422 {
		t.Errorf("after the reload: got %d, want 422 for a customer that exists", got)
	}
	if _, _, err := load(t, `{"kind":"medusa","name":"reload","jwt_secret":"x"}`); err == nil {
		t.Error("a bad configuration was loaded")
	}
	if got := register(after); got != 422 {
		t.Errorf("after a reload that failed: got %d, want 422", got)
	}
	elsewhere, unloadElsewhere := must(other)
	if got := register(elsewhere); got != 200 {
		t.Errorf("shop of another name: got %d, want 200", got)
	}
	unloadElsewhere()
	if got := register(before); got != 422 {
		t.Errorf("request of the configuration before: got %d, want 422", got)
	}
	unloadAfter()
	anew, unloadAnew := must(config)
	defer unloadAnew()
	if got := register(anew); got != 200 {
		t.Errorf("after all have gone: got %d, want 200", got)
	}
}
