package httpapi_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

const cleared = "connect.sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"

func overHTTPS(set *setup) { set.config.HTTPS = func(*http.Request) bool { return true } }

func TestSession(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	raw := s.customer("session@example.com", "pass-1", "cus_1")
	c := s.claims(raw)
	res := s.mustDo(200, request{"POST", sessionPath, "", headers("Authorization", "bEARER \t "+raw+" more words")})
	want := fmt.Sprintf(`{"user":{"actor_id":"cus_1","actor_type":"customer","auth_identity_id":"%s","auth_provider":"emailpass",`+
		`"mfa_enabled":false,"mfa_challenge_completed_at":null,"app_metadata":{"customer_id":"cus_1"},"user_metadata":{},"iat":%d,"exp":%d}}`,
		c.IdentityID, c.IssuedAt, c.ExpiresAt)
	if res.body != want || res.header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("got %s %v, want %s", res.body, res.header, want)
	}
	form := regexp.MustCompile(`^connect\.sid=s%3A[A-Za-z0-9_-]{32}\.[A-Za-z0-9%]{43,60}; Path=/; Expires=` +
		s.clock.Now().Add(10*time.Hour).UTC().Format(http.TimeFormat) + `; HttpOnly$`)
	device := regexp.MustCompile(`^connect\.sid\.device=[\w-]{98}; Path=/; Max-Age=7776000; HttpOnly$`)
	if lines := res.header["Set-Cookie"]; len(lines) != 2 || !form.MatchString(lines[0]) || !device.MatchString(lines[1]) {
		t.Errorf("got Set-Cookie %q", lines)
	}
	cookie, _, _ := strings.Cut(res.header.Get("Set-Cookie"), ";")

	s.clock.Forward(3 * time.Second)
	res = s.mustDo(200, request{"POST", refreshPath, "", headers("Cookie", cookie, "Authorization", "Bearer garbage")})
	if got := s.claims(s.token(res)); got.ActorID != "cus_1" || got.IssuedAt != c.IssuedAt+3 {
		t.Errorf("got %+v", got)
	}
	if got := res.header.Get("Set-Cookie"); got != "" {
		t.Errorf("refresh set a cookie: %s", got)
	}

	res = s.mustDo(200, request{"DELETE", sessionPath, "", headers("Cookie", cookie, "Authorization", bearer(raw))})
	if res.body != `{"success":true}` || res.header.Get("Set-Cookie") != cleared || len(res.header["Set-Cookie"]) != 1 {
		t.Errorf("got %s %v", res.body, res.header)
	}
	for _, q := range []request{{"DELETE", sessionPath, "", headers("Cookie", cookie)}, {"POST", refreshPath, "", headers("Cookie", cookie)}} {
		if res := s.do(q); res.status != 401 || res.body != unauthorizedBody || res.header.Get("Set-Cookie") != "" {
			t.Errorf("%s after log-out: got %d %s %v", q.method, res.status, res.body, res.header)
		}
	}
}

// TestSessionFixation: whatever id the browser brought, it is neither taken over
// nor alive afterwards.
func TestSessionFixation(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	attacker := s.login(s.customer("attacker@example.com", "pass-1", "cus_1"))
	victim := s.customer("victim@example.com", "pass-1", "cus_2")
	res := s.mustDo(200, request{"POST", sessionPath, "", headers("Authorization", bearer(victim), "Cookie", attacker)})
	cookie, _, _ := strings.Cut(res.header.Get("Set-Cookie"), ";")
	if cookie == attacker {
		t.Fatal("the session id was kept")
	}
	if res := s.do(request{"POST", refreshPath, "", headers("Cookie", attacker)}); res.status != 401 {
		t.Errorf("the old id: got %d %s", res.status, res.body)
	}
	got := s.claims(s.token(s.mustDo(200, request{"POST", refreshPath, "", headers("Cookie", cookie)})))
	if got.ActorID != "cus_2" {
		t.Errorf("got %+v", got)
	}
	// An id that nobody signed is not adopted.
	res = s.mustDo(200, request{"POST", sessionPath, "", headers("Authorization", bearer(victim), "Cookie", "connect.sid=s%3A0123456789abcdef0123456789abcdef.c2ln")})
	if strings.Contains(res.header.Get("Set-Cookie"), "0123456789abcdef") {
		t.Errorf("got %s", res.header.Get("Set-Cookie"))
	}
}

// TestRefreshChoosesTheCredential: a session that holds comes before the bearer,
// one that does not leaves it to the bearer.
func TestRefreshChoosesTheCredential(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	token := s.customer("bearer@example.com", "pass-1", "cus_bearer")
	good := s.login(s.customer("cookie@example.com", "pass-1", "cus_cookie"))
	revoked := s.login(s.customer("revoked@example.com", "pass-1", "cus_revoked"))
	gone := s.login(s.customer("gone@example.com", "pass-1", "cus_gone"))
	s.mustDo(200, post(updatePath, `{"password":"pass-2"}`, "Authorization", bearer(s.resetToken("revoked@example.com"))))
	if err := s.service.Unlink(t.Context(), "customer", "cus_gone"); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ cookie, authorization, want, refusal string }{
		"both":                     {good, bearer(token), "cus_cookie", ""},
		"revoked session":          {revoked, bearer(token), "cus_bearer", ""},
		"session of nobody":        {gone, bearer(token), "cus_bearer", ""},
		"unknown session":          {good + "x", bearer(token), "cus_bearer", ""},
		"revoked session alone":    {revoked, "", "", unauthorizedBody},
		"session of nobody alone":  {gone, "", "", `"message":"AuthIdentity with id: authid_`},
		"nothing that holds":       {gone, "Bearer x", "", unauthorizedBody},
		"session, no token behind": {good, "Bearer", "cus_cookie", ""},
	} {
		q := request{"POST", refreshPath, "", headers("Cookie", test.cookie)}
		if test.authorization != "" {
			q.header["Authorization"] = test.authorization
		}
		res := s.do(q)
		if test.refusal != "" {
			if res.status == 200 || !strings.Contains(res.body, test.refusal) {
				t.Errorf("%s: got %d %s", name, res.status, res.body)
			}
			continue
		}
		if got := s.claims(s.token(res)); got.ActorID != test.want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// TestTwoActors: one browser is a customer and a user at once; refresh answers
// for the latest login, log-out ends both.
func TestTwoActors(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	customer := s.login(s.customer("two@example.com", "pass-1", "cus_1"))
	staff := s.token(s.mustDo(200, post("/auth/user/emailpass/register", credentials("staff@example.com", "pass-1"))))
	res := s.mustDo(200, request{"POST", sessionPath, "", headers("Cookie", customer, "Authorization", bearer(staff))})
	both, _, _ := strings.Cut(res.header.Get("Set-Cookie"), ";")
	if got := s.claims(s.token(s.mustDo(200, request{"POST", refreshPath, "", headers("Cookie", both)}))); got.ActorType != "user" {
		t.Errorf("got %+v", got)
	}
	s.mustDo(200, request{"DELETE", sessionPath, "", headers("Cookie", both)})
	s.mustDo(401, request{"POST", refreshPath, "", headers("Cookie", both)})
}

func TestTwoAuthorizationFields(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	raw := s.register("fields@example.com", "pass-1")
	for _, path := range []string{sessionPath, refreshPath} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Authorization"] = []string{bearer(raw), bearer(raw)}
		res, err := s.Client().Transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 401 || res.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: got %d", path, res.StatusCode)
		}
	}
}

// TestCookieAttributes covers the scheme and the settings (reference medusa-v2,
// section 6). What a proxy says in X-Forwarded-Proto is not for this package.
func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change     func(*setup)
		attributes string // of the login; "" if no cookie is sent
	}{
		"plain http":                     {nil, "; HttpOnly"},
		"https":                          {overHTTPS, "; HttpOnly; Secure; SameSite=Lax"},
		"TLS":                            {func(set *setup) { set.http2 = true }, "; HttpOnly; Secure; SameSite=Lax"},
		"always Secure, over plain http": {func(set *setup) { set.sessions.Secure = session.SecureAlways }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, test.change)
			raw := s.customer("cookie@example.com", "pass-1", "cus_1")
			res := s.mustDo(200, request{"POST", sessionPath, "", headers("Authorization", bearer(raw), "X-Forwarded-Proto", "https")})
			line := res.header.Get("Set-Cookie")
			said := strings.Contains(s.log.String(), "session cookie not sent")
			if test.attributes == "" {
				if line != "" || !strings.HasPrefix(res.body, `{"user":{`) || !said {
					t.Errorf("got Set-Cookie %q, body %s, log %s", line, res.body, s.log)
				}
				return
			}
			if !strings.HasSuffix(line, "GMT"+test.attributes) || said {
				t.Errorf("got Set-Cookie %q, log %s", line, s.log)
			}
			cookie, _, _ := strings.Cut(line, ";")
			res = s.mustDo(200, request{"DELETE", sessionPath, "", headers("Cookie", cookie)})
			if got := res.header.Get("Set-Cookie"); got != cleared {
				t.Errorf("got %q, want %q", got, cleared)
			}
		})
	}
}

// TestRollingSession: a refresh is a use of the session.
func TestRollingSession(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(set *setup) { set.sessions.Rolling = true })
	cookie := s.login(s.customer("rolling@example.com", "pass-1", "cus_1"))
	for i := range 3 {
		s.clock.Forward(9 * time.Hour)
		res := s.mustDo(200, request{"POST", refreshPath, "", headers("Cookie", cookie)})
		if got := res.header.Get("Set-Cookie"); !strings.HasPrefix(got, cookie+"; Path=/; Expires="+s.clock.Now().Add(10*time.Hour).UTC().Format(http.TimeFormat)) {
			t.Errorf("use %d: got %q", i+1, got)
		}
	}
	s.clock.Forward(11 * time.Hour)
	s.mustDo(401, request{"POST", refreshPath, "", headers("Cookie", cookie)})
}
