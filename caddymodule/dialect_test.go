package caddymodule_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// bothDialects is a site of a shop with an application of its own.
const bothDialects = `auth_sidecar {
	dialect v2 v1
	cors https://shop.example.com
}
auth_require /store/customers/me* customer
auth_require /admin* user
auth_require /admin/invites/accept user {
	allow_unregistered
}
reverse_proxy {backend}`

// olderToken logs in by v1 and returns the header field.
func (s *shop) olderToken(t testing.TB, side, email string) string {
	t.Helper()
	r := s.send(t, "POST", "/"+side+"/auth/token", logInBody(email))
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(r.body), &body); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("no token: %d %s", r.StatusCode, r.body)
	}
	return "Bearer " + body.Token
}

// signUp registers a customer by v1 and returns their id and cookie.
func (s *shop) signUp(t testing.TB, email string) (id, cookie string) {
	t.Helper()
	r := s.send(t, "POST", "/store/customers", logInBody(email))
	var body struct{ Customer struct{ ID string } }
	if err := json.Unmarshal([]byte(r.body), &body); err != nil || r.StatusCode != http.StatusOK || body.Customer.ID == "" {
		t.Fatalf("registering: %d %s", r.StatusCode, r.body)
	}
	cookie, _, _ = strings.Cut(r.Header.Get("Set-Cookie"), ";")
	return body.Customer.ID, cookie
}

// One identity: whoever registered by one dialect logs in by the other, and the
// credentials of both open the same routes, by the same verifier.
func TestOneIdentityInBothDialects(t *testing.T) {
	s := open(t, config{Site: bothDialects})
	id, cookie := s.signUp(t, "old@example.com")
	var p person
	p.take(t, s.send(t, "POST", "/auth/customer/emailpass", logInBody("old@example.com")))
	if claims := verified(t, strings.TrimPrefix(p.bearer, "Bearer ")); claims["actor_id"] != id {
		t.Errorf("v2 says %v, v1 %s", claims, id)
	}
	older := s.olderToken(t, "store", "old@example.com")
	for name, header := range map[string][]string{
		"v1 token": {"Authorization", older}, "v1 cookie": {"Cookie", cookie}, "v2 token": {"Authorization", p.bearer},
		"v2 cookie of a v1 token": {"Cookie", s.logIn(t, person{bearer: older}, "")},
		"v2 cookie":               {"Cookie", s.logIn(t, p, "")},
	} {
		seen := s.send(t, "GET", "/store/customers/me/orders", "", header...).seen(t)
		if got := seen.Header.Get("X-Auth-Actor-Id"); got != id || seen.Header.Get("X-Auth-Identity-Id") != p.identityID || seen.Header.Get("X-Auth-Provider") != "emailpass" {
			t.Errorf("%s: the backend is told %v", name, seen.Header)
		}
		if seen.Header.Get("Cookie") != "" {
			t.Errorf("%s: the backend gets the cookie", name)
		}
		if r := s.send(t, "GET", "/store/auth", "", header...); r.StatusCode != http.StatusOK || !strings.Contains(r.body, id) {
			t.Errorf("%s: /store/auth says %d %s", name, r.StatusCode, r.body)
		}
		// A customer's credential never opens /admin (the older dialect's own 401 has no JSON).
		s.send(t, "GET", "/admin/users", "", header...).want(t, http.StatusUnauthorized, unauthorized)
		s.send(t, "GET", "/admin/auth", "", header...).want(t, http.StatusUnauthorized, "Unauthorized")
	}
	// A v1 token is not refreshed by v2, whose tokens say more; a session is.
	s.send(t, "POST", "/auth/token/refresh", "", "Authorization", older).want(t, http.StatusUnauthorized,
		`{"type":"unauthorized","message":"The auth provider is not set while refreshing token"}`)
	p.take(t, s.send(t, "POST", "/auth/token/refresh", "", "Cookie", cookie))

	// The other way round: v2 first.
	ada := s.join(t, "customer", "ada@example.com")
	r := s.send(t, "POST", "/store/auth", logInBody("ada@example.com"))
	if r.StatusCode != http.StatusOK || !strings.Contains(r.body, `"id":"`+ada.actorID+`"`) {
		t.Errorf("v1 log-in of a v2 customer: %d %s", r.StatusCode, r.body)
	}
	bob := s.join(t, "user", "bob@example.com")
	seen := s.send(t, "GET", "/admin/users", "", "Authorization", s.olderToken(t, "admin", "bob@example.com")).seen(t)
	if seen.Header.Get("X-Auth-Actor-Id") != bob.actorID || seen.Header.Get("X-Auth-Actor-Type") != "user" {
		t.Errorf("the backend is told %v", seen.Header)
	}
	// Log-out by one is log-out by the other, and a new password ends them all.
	s.send(t, "DELETE", "/store/auth", "", "Cookie", cookie).want(t, http.StatusOK, "OK")
	s.send(t, "POST", "/auth/token/refresh", "", "Cookie", cookie).want(t, http.StatusUnauthorized, unauthorized)
}

// A forged, foreign or endless v1 token proves nobody.
func TestOlderTokensThatProveNobody(t *testing.T) {
	s := open(t, config{Site: bothDialects})
	id, _ := s.signUp(t, "jane@example.com")
	sign := func(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
		raw, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + raw
	}
	const soon = 4102444800 // 2100
	good := jwt.MapClaims{"customer_id": id, "domain": "store", "iat": 1, "exp": soon}
	s.send(t, "GET", "/store/customers/me", "", "Authorization", sign(jwt.SigningMethodHS256, []byte(jwtSecret), good)).seen(t)
	for name, bearer := range map[string]string{
		"another key":        sign(jwt.SigningMethodHS256, []byte("supersecret"), good),
		"HS512":              sign(jwt.SigningMethodHS512, []byte(jwtSecret), good),
		"none":               sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good),
		"no exp":             sign(jwt.SigningMethodHS256, []byte(jwtSecret), jwt.MapClaims{"customer_id": id, "domain": "store"}),
		"no domain":          sign(jwt.SigningMethodHS256, []byte(jwtSecret), jwt.MapClaims{"customer_id": id, "exp": soon}),
		"another domain":     sign(jwt.SigningMethodHS256, []byte(jwtSecret), jwt.MapClaims{"customer_id": id, "domain": "admin", "exp": soon}),
		"nobody's id":        sign(jwt.SigningMethodHS256, []byte(jwtSecret), jwt.MapClaims{"customer_id": "cus_1", "domain": "store", "exp": soon}),
		"with an actor type": sign(jwt.SigningMethodHS256, []byte(jwtSecret), jwt.MapClaims{"customer_id": id, "domain": "store", "actor_type": "customer", "exp": soon}),
		"a customer as user": sign(jwt.SigningMethodHS256, []byte(jwtSecret), jwt.MapClaims{"user_id": id, "domain": "admin", "exp": soon}),
	} {
		for _, path := range []string{"/store/customers/me", "/admin/users"} {
			if r := s.send(t, "GET", path, "", "Authorization", bearer); r.StatusCode != http.StatusUnauthorized || r.Header.Get("Echo") != "" {
				t.Errorf("%s: %s: %d", name, path, r.StatusCode)
			}
		}
	}
}

// However the path is written, what is for the older dialect never reaches the
// backend.
func TestOlderPaths(t *testing.T) {
	s := open(t, config{Site: bothDialects})
	for _, path := range []string{
		"/store/auth", "/Store/AUTH", "/store/auth/", "/store//auth", "/store/%61uth", "/store/auth/token", "/store/auth/x/y", "/admin/auth",
		"/store/./auth", "/store/x/../auth", "/store/%2561uth", "/store;x/auth", "/store/auth;x", "/store%2fauth", "//admin/auth/token",
		"/store/customers/password-reset", "/admin/users/reset-password/", "/store/customers/PASSWORD-token",
	} {
		for _, method := range []string{"GET", "POST", "PUT"} {
			r := s.raw(t, method, method+" "+path+" HTTP/1.1\r\nHost: shop\r\nContent-Length: 0\r\n\r\n")
			if r.Header.Get("Echo") != "" {
				t.Errorf("%s %s reached the backend", method, path)
			}
		}
	}
	// A registration with a password neither.
	for _, path := range []string{"/store/customers", "/store/customers/", "/STORE/customers", "//store/customers"} {
		if r := s.send(t, "POST", path, `{"email":"x","password":"p"}`); r.Header.Get("Echo") != "" || r.StatusCode != http.StatusBadRequest {
			t.Errorf("POST %s: %d", path, r.StatusCode)
		}
	}
	if got := s.send(t, "POST", "/store/customers", `{"email":"x@example.com"}`).seen(t); got.Body != `{"email":"x@example.com"}` {
		t.Errorf("the backend got %s", got.Body)
	}
}

func TestDialectsOfASite(t *testing.T) {
	for dialects, want := range map[string]struct{ v1, v2 bool }{
		"": {false, true}, "dialect v2": {false, true}, "dialect v1": {true, false}, "dialect v1 v2": {true, true},
	} {
		t.Run(dialects, func(t *testing.T) {
			s := open(t, config{Site: "auth_sidecar {\n" + dialects + "\n}\nreverse_proxy {backend}"})
			if ours := s.send(t, "GET", "/store/auth", "").Header.Get("Echo") == ""; ours != want.v1 {
				t.Errorf("v1 is served: %t", ours)
			}
			if ours := s.send(t, "GET", "/auth/customer/providers", "").Header.Get("Echo") == ""; ours != want.v2 {
				t.Errorf("v2 is served: %t", ours)
			}
		})
	}
}

func TestExistsRoute(t *testing.T) {
	s := open(t, config{Site: "auth_sidecar {\ndialect v1\n}\nreverse_proxy {backend}"})
	s.signUp(t, "jane@example.com")
	s.send(t, "GET", "/store/auth/jane@example.com", "").want(t, http.StatusOK, `{"exists":true}`)
	s.send(t, "GET", "/store/auth/joe@example.com", "").want(t, http.StatusOK, `{"exists":false}`)
	limited := 0
	for range 30 { // all from one client
		if s.send(t, "GET", "/store/auth/joe@example.com", "", "X-Forwarded-For", "192.0.2.1").StatusCode == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited == 0 {
		t.Error("it is not limited")
	}
	s.mustLoad(config{Site: "auth_sidecar {\ndialect v1\nexists off\n}\nreverse_proxy {backend}"})
	s.send(t, "GET", "/store/auth/jane@example.com", "").want(t, http.StatusNotFound, `{"type":"not_found","message":"There is no such route"}`)
}

func TestOlderTokenTTL(t *testing.T) {
	for options, lives := range map[string][2]float64{"": {2592000, 86400}, "expires_in 1h": {3600, 3600}} {
		t.Run(options, func(t *testing.T) {
			s := open(t, config{Site: bothDialects, JWT: options})
			s.signUp(t, "jane@example.com")
			s.join(t, "user", "bob@example.com")
			for n, raw := range []string{s.olderToken(t, "store", "jane@example.com"), s.olderToken(t, "admin", "bob@example.com")} {
				claims := verified(t, strings.TrimPrefix(raw, "Bearer "))
				if got := claims["exp"].(float64) - claims["iat"].(float64); got != lives[n] {
					t.Errorf("it lasts %v, want %v", got, lives[n])
				}
			}
		})
	}
}

// A Medusa v2 would not know a v1 token: it gets one of its own form.
func TestOlderTokenTowardsMedusa(t *testing.T) {
	t.Setenv("TEST_MEDUSA_SECRET", jwtSecret)
	m := identitytest.NewMedusa(t, jwtSecret)
	s := open(t, config{Site: `handle /store/customers {
		auth_sidecar {
			dialect v1
		}
	}
	handle /store/auth* {
		auth_sidecar {
			dialect v1
		}
	}
	handle {
		auth_sidecar {
			backend medusa ` + m.Server.URL + `
		}
		reverse_proxy {backend}
	}`})
	id, _ := s.signUp(t, "jane@example.com")
	older := s.olderToken(t, "store", "jane@example.com")
	seen := s.send(t, "GET", "/store/x", "", "Authorization", older).seen(t)
	forwarded := seen.Header.Get("Authorization")
	if claims := verified(t, strings.TrimPrefix(forwarded, "Bearer ")); forwarded == older || claims["actor_id"] != id || claims["actor_type"] != "customer" {
		t.Errorf("the backend is told %v", claims)
	}
}

func TestDialectErrors(t *testing.T) {
	for site, want := range map[string]string{
		"exists off": `exists is an option of dialect v1`,
		"dialect v1\nbackend medusa http://127.0.0.1:1": `dialect v1 makes customers in a way that this backend does not know`,
	} {
		_, err := validate(t, realm(good, "auth_sidecar {\n"+site+"\n}"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", site, err)
		}
	}
}
