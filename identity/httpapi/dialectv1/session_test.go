package dialectv1_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

func forwardedHTTPS(r *http.Request) bool { return r.Header.Get("X-Forwarded-Proto") == "https" }

func TestCurrentWithoutCredentials(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	cookie := s.janeSignsUp()
	tampered := strings.Replace(cookie, "s%3A", "s%3AX", 1)
	for _, path := range []string{"/store/auth", "/admin/auth"} {
		for _, header := range [][]string{
			nil, {"Cookie", tampered}, {"Cookie", "connect.sid=s%3Ajunk.junk; " + cookie}, {"Cookie", "connect.sid=junk"}, {"X-Medusa-Access-Token", "x"},
			{"Origin", storefront},
		} {
			wantGuarded(t, s.send("GET", path, "", header...))
		}
	}
	// A broken cookie does not spoil a bearer, nor the other way round.
	raw := accessToken(t, s.mustSend(200, "POST", "/store/auth/token", jane))
	s.mustSend(200, "GET", "/store/auth", "", "Cookie", tampered, "Authorization", "Bearer "+raw)
	s.mustSend(200, "GET", "/store/auth", "", "Cookie", cookie, "Authorization", "Bearer garbage")
	if r := s.mustSend(200, "HEAD", "/store/auth", "", "Cookie", cookie); r.body != "" {
		t.Errorf("got %s", r.body)
	}
}

// The session counts before the bearer.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	cookie := s.janeSignsUp()
	const carol = `{"email":"carol@example.com","password":"secret"}`
	s.mustSend(200, "POST", "/store/customers", carol)
	raw := accessToken(t, s.mustSend(200, "POST", "/store/auth/token", carol))
	r := s.mustSend(200, "GET", "/store/auth", "", "Cookie", cookie, "Authorization", "Bearer "+raw)
	if got := personIn(t, "customer", r.body)["email"]; got != "jane@example.com" {
		t.Errorf("got %s", got)
	}
}

// One browser is logged in as a customer and as a user; each log-out ends its own.
func TestLogoutOfOneOfTwo(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.annIsStaff()
	both := s.mustSend(200, "POST", "/admin/auth", ann, "Cookie", s.janeSignsUp()).cookie()
	s.mustSend(200, "GET", "/store/auth", "", "Cookie", both)
	s.mustSend(200, "GET", "/admin/auth", "", "Cookie", both)

	out := s.send("DELETE", "/store/auth", "", "Cookie", both)
	out.want(t, 200, "OK")
	staff := out.cookie()
	if staff == "" || staff == both || staff == "connect.sid=" || out.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Fatalf("got %v", out.header)
	}
	wantGuarded(t, s.send("GET", "/store/auth", "", "Cookie", staff))
	s.mustSend(200, "GET", "/admin/auth", "", "Cookie", staff)
	for _, path := range []string{"/store/auth", "/admin/auth"} {
		wantGuarded(t, s.send("GET", path, "", "Cookie", both))
	}
	out = s.mustSend(200, "DELETE", "/admin/auth", "", "Cookie", staff)
	if out.cookie() != "connect.sid=" || !strings.Contains(out.header.Get("Set-Cookie"), "1970") {
		t.Errorf("the cookie stays: %v", out.header)
	}
	wantGuarded(t, s.send("GET", "/admin/auth", "", "Cookie", staff))
}

func TestLogout(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	cookie := s.janeSignsUp()
	raw := accessToken(t, s.mustSend(200, "POST", "/store/auth/token", jane))
	for range 2 { // never 401
		out := s.send("DELETE", "/store/auth", "{}", "Cookie", cookie)
		out.want(t, 200, "OK")
		if out.cookie() != "connect.sid=" {
			t.Errorf("the cookie stays: %v", out.header)
		}
	}
	for _, header := range [][]string{nil, {"Cookie", "connect.sid=junk"}, {"Authorization", "Bearer junk"}} {
		out := s.send("DELETE", "/store/auth", "", header...)
		out.want(t, 200, "OK")
		if out.cookie() != "" {
			t.Errorf("a cookie for nobody: %v", out.header)
		}
		wantGuarded(t, s.send("DELETE", "/admin/auth", "", header...))
	}
	s.mustSend(200, "GET", "/store/auth", "", "Authorization", "Bearer "+raw) // tokens stay
	wantGuarded(t, s.send("DELETE", "/admin/auth", "", "Authorization", "Bearer "+raw))
	s.annIsStaff()
	s.send("DELETE", "/admin/auth", "", "Authorization", "Bearer "+accessToken(t, s.mustSend(200, "POST", "/admin/auth/token", ann))).want(t, 200, "OK")
}

func TestRollingSession(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(set *setup) { set.sessions = session.Settings{Rolling: true} })
	cookie := s.janeSignsUp()
	if r := s.mustSend(200, "GET", "/store/auth", "", "Cookie", cookie); r.cookie() != "" {
		t.Error("prolonged at once")
	}
	s.clock.Forward(2 * time.Hour)
	if r := s.mustSend(200, "GET", "/store/auth", "", "Cookie", cookie); r.cookie() != cookie {
		t.Errorf("not prolonged: %v", r.header)
	}
}

// A deleted customer is nobody, by cookie and by token.
func TestUnlinkedCustomer(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	r := s.mustSend(200, "POST", "/store/customers", jane)
	id, _ := personIn(t, "customer", r.body)["id"].(string)
	raw := accessToken(t, s.mustSend(200, "POST", "/store/auth/token", jane))
	must(t, s.service.Unlink(t.Context(), "customer", id))
	wantGuarded(t, s.send("GET", "/store/auth", "", "Cookie", r.cookie()))
	wantGuarded(t, s.send("GET", "/store/auth", "", "Authorization", "Bearer "+raw))
	s.send("POST", "/store/auth", jane).want(t, 401, "Unauthorized")
	s.mustSend(200, "POST", "/store/customers", jane) // the address is free
}
