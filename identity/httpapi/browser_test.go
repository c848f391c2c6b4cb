package httpapi_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

const noState = `{"type":"unauthorized","message":"No state provided, or session expired"}`

// The browser is told who it is where it leaves for a third party, and nowhere
// else.
func TestBrowserCookie(t *testing.T) {
	t.Parallel()
	s := newShop(t, overHTTPS)
	res := s.mustDo(200, post(googlePath, `{}`))
	value, attributes, _ := strings.Cut(res.header.Get("Set-Cookie"), ";")
	if lines := res.header["Set-Cookie"]; len(lines) != 1 || len(value) != len("connect.sid.browser=")+43 || attributes != " Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("got %q", lines)
	}
	again := s.mustDo(200, post(googlePath, `{}`, "Cookie", value)) // for another thirty days
	if again.header.Get("Set-Cookie") != res.header.Get("Set-Cookie") || again.body == res.body {
		t.Errorf("got %v", again.header)
	}
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	for name, q := range map[string]request{
		"login":              post(loginPath, credentials("ann@example.com", "pass-1"), "Cookie", value),
		"refused login":      post(loginPath, credentials("ann@example.com", "wrong")),
		"refused":            post(googlePath, `{"callback_url":"https://evil.example"}`),
		"refused by policy":  post("/auth/user/google", `{}`),
		"callback":           {"GET", callbackPath + back("unknown", "ann"), "", nil},
		"register":           post(registerPath, credentials("new@example.com", "pass-1")),
		"refresh":            {"POST", refreshPath, "", headers("Authorization", bearer(raw))},
		"list of providers":  {"GET", "/auth/customer/providers", "", nil},
		"register at google": post(googlePath+"/register", `{}`),
	} {
		if res := s.do(q); res.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: got %v", name, res.header)
		}
	}
	plain := newShop(t, func(set *setup) { set.sessions.Secure = session.SecureAlways })
	if res := plain.mustDo(200, post(googlePath, `{}`)); res.header.Get("Set-Cookie") != "" {
		t.Errorf("over plain http: got %v", res.header)
	}
}

// A browser that keeps cookies ends what it began, in as many tabs as it likes;
// nobody ends it elsewhere. (attacks.md D3, D5)
func TestBrowserEndsWhatItBegan(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	_, ann := s.begin(post(googlePath, `{}`))
	_, eve := s.begin(post(googlePath, `{}`))
	comeBack := func(state string, header ...string) response {
		t.Helper()
		return s.do(request{"GET", callbackPath + back(state, "ann"), "", headers(header...)})
	}
	first, _ := s.begin(post(googlePath, `{}`, "Cookie", ann))
	second, told := s.begin(post(googlePath, `{}`, "Cookie", ann))
	if told != ann {
		t.Errorf("told %s, is %s", told, ann)
	}
	raw := s.token(comeBack(second, "Cookie", ann))
	cookie := s.login(raw)
	s.token(comeBack(first, "Cookie", ann+"; "+cookie)) // the older tab, later

	// One that comes back once more touches neither session nor cookie.
	for _, state := range []string{first, second, "unknown", ""} {
		res := comeBack(state, "Cookie", ann+"; "+cookie)
		if res.status != 401 || res.body != noState || res.header.Get("Set-Cookie") != "" {
			t.Errorf("got %d %s %v", res.status, res.body, res.header)
		}
	}
	s.mustDo(200, request{"POST", refreshPath, "", headers("Cookie", cookie)})

	for name, test := range map[string]struct{ begun, ended string }{
		"begun by ann, ended by eve":     {ann, eve},
		"begun by ann, ended by nobody":  {ann, ""},
		"begun by nobody, ended by ann":  {"", ann},
		"begun by ann, ended by garbage": {ann, "connect.sid.browser=x"},
	} {
		state, _ := s.begin(post(googlePath, `{}`, "Cookie", test.begun))
		if res := comeBack(state, "Cookie", test.ended); res.status != 401 || res.body != noState {
			t.Errorf("%s: got %d %s", name, res.status, res.body)
		}
	}
	state, _ := s.begin(post(googlePath, `{}`))
	s.token(comeBack(state)) // a client that keeps no cookies
	s.google.bind = true
	state, _ = s.begin(post(googlePath, `{}`))
	if res := comeBack(state); res.status != 401 || res.body != noState {
		t.Errorf("binding is required: got %d %s", res.status, res.body)
	}
	state, told = s.begin(post(googlePath, `{}`))
	s.token(comeBack(state, "Cookie", told))
}

// An attempt belongs to the host that it was begun at. (attacks.md D4)
func TestHostOfAnAttempt(t *testing.T) {
	t.Parallel()
	for begun, ended := range map[string]map[string]bool{
		"shop.example":      {"shop.example": true, "Shop.Example": true, "shop.example:443": false, "evil.example": false, "api.shop.example": false},
		"shop.example:8443": {"SHOP.example:8443": true, "shop.example": false, "shop.example:8444": false},
	} {
		for host, want := range ended {
			s := newShop(t, nil)
			send := func(host, method, path string) response {
				t.Helper()
				r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Host = host
				res, err := s.Client().Transport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				buf := new(strings.Builder)
				if _, err := io.Copy(buf, res.Body); err != nil {
					t.Fatal(err)
				}
				return response{res.StatusCode, res.Header, buf.String()}
			}
			location := send(begun, "POST", googlePath).body
			_, state, _ := strings.Cut(strings.TrimSuffix(location, `"}`), "state=")
			if res := send(host, "GET", callbackPath+back(state, "ann")); (res.status == 200) != want {
				t.Errorf("begun at %s, ended at %s: got %d %s", begun, host, res.status, res.body)
			}
		}
	}
}

// Whatever a third party does not answer may be asked again, and the browser
// hears that it is no no.
func TestThirdPartyDown(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	state, cookie := s.begin(post(googlePath, `{}`))
	q := request{"GET", callbackPath + back(state, "ann"), "", headers("Cookie", cookie)}
	s.google.fails(identity.Unavailable("provider_unreachable", errors.New("dial https://idp.example/?code=secret")))
	if res := s.do(q); res.status != 503 || res.body != unavailable || res.header.Get("Set-Cookie") != "" || res.header.Get("Retry-After") != "1" {
		t.Errorf("got %d %s %v", res.status, res.body, res.header)
	}
	s.google.fails(nil)
	s.token(s.do(q))
}
