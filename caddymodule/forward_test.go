package caddymodule_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A session reaches the backend as a token for minutes, a bearer as it came.
func TestSessionBecomesBearer(t *testing.T) {
	s := open(t, config{})
	ada := s.join(t, "customer", "ada@example.com")
	got := s.send(t, "GET", "/store/x", "", "Cookie", ada.cookie).seen(t)
	token, ok := strings.CutPrefix(got.Header.Get("Authorization"), "Bearer ")
	if !ok || got.Header["Cookie"] != nil {
		t.Fatalf("the backend saw %v", got.Header)
	}
	claims := verified(t, token)
	for name, want := range map[string]any{
		"actor_id": ada.actorID, "actor_type": "customer", "auth_identity_id": ada.identityID, "auth_provider": "emailpass",
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	expires, err := claims.GetExpirationTime()
	if err != nil || time.Until(expires.Time) > 5*time.Minute {
		t.Errorf("it expires at %v (%v)", expires, err)
	}
	if token == strings.TrimPrefix(ada.bearer, "Bearer ") {
		t.Error("it is the token of the log-in")
	}
	if got := s.send(t, "GET", "/store/x", "", "Authorization", ada.bearer).seen(t); got.Header.Get("Authorization") != ada.bearer {
		t.Errorf("the bearer became %q", got.Header.Get("Authorization"))
	}
}

func TestForwardNone(t *testing.T) {
	s := open(t, config{Site: "auth_sidecar {\nforward none\n}\nauth_require /mine customer\nreverse_proxy {backend}"})
	ada := s.join(t, "customer", "ada@example.com")
	for _, target := range []string{"/store/x", "/mine"} {
		got := s.send(t, "GET", target, "", "Cookie", ada.cookie).seen(t)
		wantIdentity(t, got, ada.identity())
		if got.Header["Authorization"] != nil {
			t.Errorf("%s: the backend saw %q", target, got.Header["Authorization"])
		}
		if got := s.send(t, "GET", target, "", "Authorization", ada.bearer).seen(t); got.Header.Get("Authorization") != ada.bearer {
			t.Errorf("%s: the bearer became %q", target, got.Header.Get("Authorization"))
		}
	}
}

// Of the cookies ours alone is cut out; the others stay as they are, byte by byte.
func TestOtherCookiesStay(t *testing.T) {
	s := open(t, config{})
	ada := s.join(t, "customer", "ada@example.com")
	sid := ada.cookie
	for _, c := range []struct{ sent, want []string }{
		{[]string{sid}, nil},
		{[]string{"a=1; " + sid + "; b=2"}, []string{"a=1; b=2"}},
		{[]string{sid + "; a=1"}, []string{"a=1"}},
		{[]string{"a=1; " + sid}, []string{"a=1"}},
		{[]string{`a="x y"; b=%zz;c=ü; ` + sid + `;d;=e; a=2`}, []string{`a="x y"; b=%zz;c=ü;d;=e; a=2`}},
		{[]string{"a=1", sid, "b=2"}, []string{"a=1; b=2"}}, // several fields are joined by the proxy
		{[]string{"xconnect.sid=1; connect.sid2=2; " + sid}, []string{"xconnect.sid=1; connect.sid2=2"}},
		{[]string{"connect.sid=x; " + sid + "; connect.sid=y"}, nil},
		{[]string{"a=1; b=2"}, []string{"a=1; b=2"}},
	} {
		var header []string
		for _, value := range c.sent {
			header = append(header, "Cookie", value)
		}
		got := strings.Join(s.send(t, "GET", "/store/x", "", header...).seen(t).Header["Cookie"], "; ")
		if got != strings.Join(c.want, "; ") {
			t.Errorf("%q became %q, want %q", c.sent, got, c.want)
		}
	}
}

// A backend's own session cookie would replace ours, and X-Auth-Link is between
// the backend and us. All other cookies and fields pass.
func TestBackendsSessionStaysThere(t *testing.T) {
	s := open(t, config{})
	ada := s.join(t, "customer", "ada@example.com")
	s.on("/store/cookies", func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Set-Cookie"] = []string{
			"connect.sid=s%3Aforeign.x; Path=/", "cart=1; Path=/", " connect.sid=padded", "connect.sid = spaced", "connect.sid", "connect.sid2=2",
		}
		w.Header().Set("X-Auth-Link", "customer=cus_1")
		w.Header().Set("X-Other", "1")
	})
	want := []string{"cart=1; Path=/", "connect.sid", "connect.sid2=2"}
	preflight := []string{"Origin", "https://shop.example.com", "Access-Control-Request-Method", "GET"}
	for _, header := range [][]string{nil, bearer(ada), session(ada), {"Authorization", "Bearer x"}, preflight} {
		method := "GET"
		if len(header) == len(preflight) {
			method = "OPTIONS"
		}
		r := s.send(t, method, "/store/cookies", "", header...)
		if r.Header.Get("Echo") == "" || !slices.Equal(r.Header["Set-Cookie"], want) || r.Header["X-Auth-Link"] != nil || r.Header.Get("X-Other") != "1" {
			t.Errorf("%s %.20q: the client got %v", method, header, r.Header)
		}
	}
}

// A preflight carries no credential. It passes to the backend, whose CORS
// answers it, without identity, whatever rule there is (attack I2).
func TestPreflightPasses(t *testing.T) {
	s := open(t, config{Site: "auth_sidecar {\ninvalid_credentials reject\n}\nauth_require /store* customer\n" + mayJoin + "reverse_proxy {backend}"})
	ada := s.join(t, "customer", "ada@example.com")
	const origin, method = "Origin", "Access-Control-Request-Method"
	for _, credential := range [][]string{nil, bearer(ada), session(ada), {"Authorization", "Bearer x"}} {
		got := s.send(t, "OPTIONS", "/store/x", "", slices.Concat([]string{origin, "https://shop.example.com", method, "POST"}, credential)...).seen(t)
		wantIdentity(t, got, nil)
		if got.Header["Authorization"] != nil || got.Header["Cookie"] != nil {
			t.Errorf("the backend saw %v", got.Header)
		}
	}
	// Any other OPTIONS is a request like others.
	for _, header := range [][]string{nil, {origin, "https://shop.example.com"}, {method, "POST"}} {
		s.send(t, "OPTIONS", "/store/x", "", header...).want(t, http.StatusUnauthorized, unauthorized)
	}
	wantIdentity(t, s.send(t, "OPTIONS", "/store/x", "", session(ada)...).seen(t), ada.identity())
}

// A page of an allowed origin can read why it was refused.
func TestRefusalsCarryCORS(t *testing.T) {
	s := open(t, config{
		Site: "auth_sidecar {\ncors https://shop.example.com /^https:\\/\\/[a-z]+\\.preview\\.example\\.com$/\ninvalid_credentials reject\n}\n" +
			"auth_require /mine customer {\nmethods bearer\n}\n" + mayJoin + "reverse_proxy {backend}",
	})
	ada := s.join(t, "customer", "ada@example.com")
	for _, c := range []struct {
		origin  string
		allowed bool
	}{
		{"https://shop.example.com", true},
		{"https://pr.preview.example.com", true},
		{"https://evil.example.com", false},
		{"https://shop.example.com.evil.com", false},
		{"http://shop.example.com", false},
		{"null", false},
	} {
		for name, credential := range map[string][]string{
			"401 of a rule": nil, "401 of the handler": {"Authorization", "Bearer x"}, "403 for the method": session(ada),
		} {
			r := s.send(t, "GET", "/mine", "", slices.Concat([]string{"Origin", c.origin, "Sec-Fetch-Site", "same-site"}, credential)...)
			want := ""
			if c.allowed {
				want = c.origin
			}
			if got := r.Header.Get("Access-Control-Allow-Origin"); got != want || r.Header.Get("Echo") != "" {
				t.Errorf("%s, %s: allows %q (%d)", c.origin, name, got, r.StatusCode)
			}
			if r.Header.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(r.Header.Get("Vary"), "Origin") {
				t.Errorf("%s, %s: header %v", c.origin, name, r.Header)
			}
			if r.Header.Get("Cache-Control") != "private, no-store" || r.Header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%s, %s: header %v", c.origin, name, r.Header)
			}
		}
	}
}
