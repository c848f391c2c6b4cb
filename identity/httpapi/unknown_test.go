package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// TestStoreUnknown: a store that cannot be asked is 503, for every route that
// needs it, never 401, and touches no cookie.
func TestStoreUnknown(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	raw := s.customer("unknown@example.com", "pass-1", "cus_1")
	cookie := s.login(raw)
	reset := s.resetToken("unknown@example.com")
	s.clock.Forward(2 * time.Second) // past the verifier's memory
	if err := s.embedded.Close(); err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]request{
		"register":            post(registerPath, credentials("new@example.com", "x")),
		"login":               post(loginPath, credentials("unknown@example.com", "pass-1")),
		"session":             {"POST", sessionPath, "", headers("Authorization", bearer(raw))},
		"session over a old":  {"POST", sessionPath, "", headers("Authorization", bearer(raw), "Cookie", cookie)},
		"log-out":             {"DELETE", sessionPath, "", headers("Cookie", cookie)},
		"refresh by session":  {"POST", refreshPath, "", headers("Cookie", cookie, "Authorization", bearer(raw))},
		"refresh by bearer":   {"POST", refreshPath, "", headers("Authorization", bearer(raw))},
		"update":              post(updatePath, `{"password":"x"}`, "Authorization", bearer(reset)),
		"from the storefront": post(loginPath, credentials("unknown@example.com", "pass-1"), "Origin", storefront),
	} {
		res := s.do(q)
		if res.status != 503 || res.body != `{"type":"unavailable","message":"Service temporarily unavailable"}` ||
			res.header.Get("Retry-After") != "1" || res.header.Get("Set-Cookie") != "" || res.header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s: got %d %s %v", name, res.status, res.body, res.header)
		}
	}
	// What needs no store still works.
	s.mustDo(401, request{"DELETE", sessionPath, "", headers("Cookie", cookie+"x")})
	s.mustDo(200, request{"GET", "/auth/user/providers", "", nil})
}

// TestChangedSessionIsForgotten: the cache of the verifier hears of every id that
// ended or changed, once the store confirmed it, and of no other.
func TestChangedSessionIsForgotten(t *testing.T) {
	t.Parallel()
	down := identity.Unavailable("store_down", context.DeadlineExceeded)
	start := request{"POST", sessionPath, "", headers("Authorization", "Bearer x")}
	end := request{"DELETE", sessionPath, "", nil}
	refresh := request{"POST", refreshPath, "", nil}
	for name, test := range map[string]struct {
		request
		sid    string
		err    error
		cookie string // of the answer
		status int
		forget string
	}{
		"login over an old session":  {start, "old", nil, "started", 200, "old"},
		"login":                      {start, "", nil, "started", 200, ""},
		"login that fails":           {start, "old", down, "", 503, ""},
		"log-out":                    {end, "old", nil, "cleared", 200, "old"},
		"log-out that fails":         {end, "old", down, "", 503, ""},
		"rolling session":            {refresh, "old", nil, "touched", 200, "old"},
		"could not be prolonged":     {refresh, "old", down, "", 200, ""},
		"logged out during its use":  {refresh, "old", identity.ErrNotFound, "", 200, ""},
		"no session, so none rolls":  {refresh, "", nil, "", 401, ""},
		"no session to log out from": {end, "", nil, "", 401, ""},
	} {
		sessions := &fakeSessions{sid: test.sid, err: test.err}
		verifier := &fakeVerifier{claims: identity.Claims{IdentityID: "authid_1", ActorType: "customer"}}
		c := (&recorder{}).config("")
		c.Sessions, c.Verifier = sessions, verifier
		h, log := logged(t, c)
		r := httptest.NewRequest(test.method, test.path, nil)
		for name, value := range test.header {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != test.status || w.Header().Get("Set-Cookie") != test.cookie || strings.Join(verifier.forgotten, ",") != test.forget {
			t.Errorf("%s: got %d, cookie %q, forgotten %v", name, w.Code, w.Header().Get("Set-Cookie"), verifier.forgotten)
		}
		if said := strings.Contains(log.String(), "session was not prolonged"); said != (name == "could not be prolonged") {
			t.Errorf("%s: got log %s", name, log)
		}
	}
}

// TestSessionOfSomebodyWhoIsGone: a token of somebody who was deleted at the backend
// starts no session, nor does one while that is unknown.
func TestSessionOfSomebodyWhoIsGone(t *testing.T) {
	t.Parallel()
	for status, gone := range map[int]error{
		401: &identity.Error{Code: identity.CodeUnauthorized, Reason: "actor_gone"}, 503: identity.Unavailable("backend_down", nil),
	} {
		sessions := &fakeSessions{sid: "old"}
		c := (&recorder{gone: gone}).config("")
		c.Sessions = sessions
		h, _ := logged(t, c)
		r := httptest.NewRequest(http.MethodPost, sessionPath, nil)
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != status || w.Header()["Set-Cookie"] != nil {
			t.Errorf("got %d %s, cookies %q", w.Code, w.Body, w.Header()["Set-Cookie"])
		}
	}
}

// TestBareToken: a token of another issuer may have no metadata; the answer has.
func TestBareToken(t *testing.T) {
	t.Parallel()
	c := (&recorder{}).config("")
	c.Sessions = &fakeSessions{}
	verifier := &fakeVerifier{claims: identity.Claims{IdentityID: "authid_1", ActorType: "customer", IssuedAt: 1, ExpiresAt: 2}}
	c.Verifier = verifier
	h, _ := logged(t, c)
	r := httptest.NewRequest(http.MethodPost, sessionPath, nil)
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if want := `"mfa_challenge_completed_at":null,"app_metadata":{},"user_metadata":{},"iat":1,"exp":2}}`; !strings.HasSuffix(w.Body.String(), want) {
		t.Errorf("got %s", w.Body)
	}
	// One that no answer can hold starts no session.
	verifier.claims.UserMetadata = []byte("{")
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 500 || w.Body.String() != unknownError || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("got %d %s %v", w.Code, w.Body, w.Header())
	}
}

// TestUnknownSessionIsNotNo: while it is unknown whether the session holds, the
// bearer beside it is not asked in its place.
func TestUnknownSessionIsNotNo(t *testing.T) {
	t.Parallel()
	c := (&recorder{}).config("")
	c.Sessions = &fakeSessions{sid: "sid", loadErr: identity.Unavailable("store_down", context.DeadlineExceeded)}
	h, _ := logged(t, c)
	r := httptest.NewRequest(http.MethodPost, refreshPath, nil)
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 503 || w.Body.String() != unavailable {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}
