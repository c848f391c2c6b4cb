package httpapi_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
)

const sessionsPath = "/auth/sessions"

type listedSession struct {
	ID         string   `json:"id"`
	CreatedAt  string   `json:"created_at"`
	LastUsedAt string   `json:"last_used_at"`
	IPAddress  *string  `json:"ip_address"`
	UserAgent  *string  `json:"user_agent"`
	ActorTypes []string `json:"actor_types"`
	Current    bool     `json:"current"`
}

// sessions returns the list that the credential in the header gets.
func (s *shop) sessions(header ...string) []listedSession {
	s.t.Helper()
	res := s.mustDo(200, request{"GET", sessionsPath, "", headers(header...)})
	if got := res.header.Get("Cache-Control"); got != "private, no-store" {
		s.t.Errorf("Cache-Control %q", got)
	}
	var body struct {
		Sessions []listedSession `json:"sessions"`
		Count    int             `json:"count"`
	}
	if err := json.Unmarshal([]byte(res.body), &body); err != nil || body.Sessions == nil || body.Count != len(body.Sessions) {
		s.t.Fatalf("got %s: %v", res.body, err)
	}
	return body.Sessions
}

// holds fails the test unless the credential is taken, or not.
func (s *shop) holds(want bool, what string, header ...string) {
	s.t.Helper()
	res := s.do(request{"POST", refreshPath, "", headers(header...)})
	if (res.status == 200) != want || !want && res.status != 401 {
		s.t.Errorf("%s: got %d %s", what, res.status, res.body)
	}
}

func TestListSessions(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	first := s.login(raw)
	s.clock.Forward(time.Minute)
	second := s.login(raw)
	s.login(s.customer("bob@example.com", "pass-1", "cus_2"))
	for name, credential := range map[string][]string{
		"first": {"Cookie", first}, "second": {"Cookie", second}, "bearer": {"Authorization", bearer(raw)},
	} {
		listed := s.sessions(credential...)
		if len(listed) != 2 || listed[0].ID == listed[1].ID {
			t.Fatalf("%s: got %+v", name, listed)
		}
		for n, e := range listed {
			at := s.clock.Now().Add(-time.Duration(n) * time.Minute).UTC().Format("2006-01-02T15:04:05.000Z")
			if !strings.HasPrefix(e.ID, "ses_") || e.CreatedAt != at || e.LastUsedAt != at || len(e.ActorTypes) != 1 || e.ActorTypes[0] != "customer" {
				t.Errorf("%s: got %+v, want it of %s", name, e, at)
			}
			if e.Current != (name == "second" && n == 0 || name == "first" && n == 1) {
				t.Errorf("%s: %d is current: %t", name, n, e.Current)
			}
			// The id in the cookie is nobody's to see.
			for _, cookie := range []string{first, second} {
				sid := strings.TrimPrefix(cookie, "connect.sid=s%3A")[:32]
				if strings.Contains(e.ID, sid) {
					t.Errorf("%s shows the id %s", e.ID, sid)
				}
			}
		}
	}
	if listed := s.sessions("Authorization", bearer(s.customer("new@example.com", "pass-1", "cus_3"))); len(listed) != 0 {
		t.Errorf("without a session: %+v", listed)
	}
}

func TestSessionsNeedACredential(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	cookie := s.login(raw)
	id := s.sessions("Cookie", cookie)[0].ID
	for _, q := range []request{{"GET", sessionsPath, "", nil}, {"DELETE", sessionsPath, "", nil}, {"DELETE", sessionsPath + "?except=current", "", nil}, {"DELETE", sessionsPath + "/" + id, "", nil}} {
		for name, header := range map[string][]string{
			"none": nil, "an unsigned cookie": {"Cookie", cookie[:40]}, "nonsense": {"Authorization", "Bearer x"},
			"a reset token": {"Authorization", bearer(s.resetToken("ann@example.com"))},
		} {
			q.header = headers(header...)
			if res := s.mustDo(401, q); res.body != unauthorizedBody || res.header.Get("Set-Cookie") != "" {
				t.Errorf("%s, %s: got %s %v", name, q.method, res.body, res.header)
			}
			s.clock.Forward(time.Minute)
		}
		if q.method == "GET" {
			continue
		}
		// A foreign page makes a browser send the cookie.
		q.header = headers("Cookie", cookie, "Origin", stranger, "Sec-Fetch-Site", "cross-site")
		if res := s.mustDo(403, q); res.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: got %v", q.method, res.header)
		}
	}
	s.holds(true, "the session", "Cookie", cookie)
	s.holds(true, "the bearer", "Authorization", bearer(raw))
}

func TestDeleteSession(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	current, other, third := s.login(raw), s.login(raw), s.login(raw)
	id := func(cookie string) string {
		for _, e := range s.sessions("Cookie", cookie) {
			if e.Current {
				return e.ID
			}
		}
		t.Fatal("none is current")
		return ""
	}
	otherID, thirdID, currentID := id(other), id(third), id(current)
	res := s.mustDo(200, request{"DELETE", sessionsPath + "/" + otherID, "", headers("Cookie", current)})
	if res.body != `{"id":"`+otherID+`","object":"session","deleted":true}` || res.header.Get("Set-Cookie") != "" || res.header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("got %s %v", res.body, res.header)
	}
	s.holds(false, "the other", "Cookie", other)
	s.holds(true, "the current", "Cookie", current)
	s.holds(true, "the third", "Cookie", third)
	s.holds(true, "the bearer", "Authorization", bearer(raw))
	s.mustDo(404, request{"DELETE", sessionsPath + "/" + otherID, "", headers("Cookie", current)}) // again
	s.mustDo(200, request{"DELETE", sessionsPath + "/" + thirdID, "", headers("Authorization", bearer(raw))})
	s.holds(false, "the third", "Cookie", third)
	res = s.mustDo(200, request{"DELETE", sessionsPath + "/" + currentID, "", headers("Cookie", current)})
	if !strings.HasPrefix(res.header.Get("Set-Cookie"), "connect.sid=;") {
		t.Errorf("got %v", res.header)
	}
	s.holds(false, "the current", "Cookie", current)
	if listed := s.sessions("Authorization", bearer(raw)); len(listed) != 0 {
		t.Errorf("listed %+v", listed)
	}
}

// Other people's sessions are not found, however they are named (attack F10).
func TestDeleteForeignSession(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	ann := s.login(s.customer("ann@example.com", "pass-1", "cus_1"))
	bob := s.customer("bob@example.com", "pass-1", "cus_2")
	bobs := s.login(bob)
	annID := s.sessions("Cookie", ann)[0].ID
	sid := strings.TrimPrefix(ann, "connect.sid=s%3A")[:32]
	for _, id := range []string{annID, sid, strings.TrimPrefix(annID, "ses_"), strings.ToUpper(annID), "ses_", "x", "*", "%7Bid%7D", url.PathEscape(annID + "\u00e9")} {
		for name, credential := range map[string][]string{"session": {"Cookie", bobs}, "bearer": {"Authorization", bearer(bob)}} {
			res := s.mustDo(404, request{"DELETE", sessionsPath + "/" + id, `{"id":"` + annID + `"}`, with(headers(credential...), "Content-Type", "application/json")})
			if !strings.Contains(res.body, `"type":"not_found"`) || !strings.Contains(res.body, "was not found") || res.header.Get("Set-Cookie") != "" {
				t.Errorf("%s, %s: got %s %v", id, name, res.body, res.header)
			}
		}
	}
	s.holds(true, "Ann's", "Cookie", ann)
	s.holds(true, "Bob's", "Cookie", bobs)
	if strings.Contains(s.log.String(), annID) {
		t.Error("the id of a session is in the log")
	}
}

// A new password, as every other revocation, takes the sessions off the list.
func TestListAfterReset(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.login(s.customer("ann@example.com", "pass-1", "cus_1"))
	s.mustDo(200, post(updatePath, `{"password":"pass-2"}`, "Authorization", bearer(s.resetToken("ann@example.com"))))
	again := s.login(s.token(s.mustDo(200, post("/auth/customer/emailpass", credentials("ann@example.com", "pass-2")))))
	if listed := s.sessions("Cookie", again); len(listed) != 1 || !listed[0].Current {
		t.Errorf("listed %+v", listed)
	}
}

// While the store cannot be asked nothing is said to be done.
func TestSessionsUnknown(t *testing.T) {
	t.Parallel()
	down := identity.Unavailable("store_down", nil)
	for name, change := range map[string]func(c *httpapi.Config, r *recorder){
		"the service": func(_ *httpapi.Config, r *recorder) { r.refusal = down },
		"a session":   func(c *httpapi.Config, _ *recorder) { c.Sessions = &fakeSessions{sid: "old", loadErr: down} },
	} {
		for _, q := range []request{{"GET", sessionsPath, "", nil}, {"DELETE", sessionsPath, "", nil}, {"DELETE", sessionsPath + "?except=current", "", nil}, {"DELETE", sessionsPath + "/ses_1", "", nil}} {
			calls := &recorder{}
			c := calls.config("")
			c.Sessions = &fakeSessions{sid: "old"}
			change(&c, calls)
			h, _ := logged(t, c)
			if w := send(h, q.method, q.path, "", ""); w.Code != 503 || w.Header().Get("Set-Cookie") != "" || w.Header().Get("Retry-After") == "" {
				t.Errorf("%s, %s %s: got %d %s %v", name, q.method, q.path, w.Code, w.Body, w.Header())
			}
		}
	}
	// The list fails, or the end of one: nobody is told that it is over.
	for _, q := range []request{{"GET", sessionsPath, "", nil}, {"DELETE", sessionsPath + "?except=current", "", nil}, {"DELETE", sessionsPath + "/ses_1", "", nil}} {
		c := (&recorder{}).config("")
		c.Sessions = &fakeSessions{sid: "old", err: down}
		h, _ := logged(t, c)
		if w := send(h, q.method, q.path, "", ""); w.Code != 503 || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s %s: got %d %s", q.method, q.path, w.Code, w.Body)
		}
	}
	// All are revoked, whatever becomes of their records.
	c := (&recorder{}).config("")
	c.Sessions = &fakeSessions{sid: "old", err: down}
	h, log := logged(t, c)
	if w := send(h, "DELETE", sessionsPath, "", ""); w.Code != 200 || w.Header().Get("Set-Cookie") != "cleared" || !strings.Contains(log.String(), "store_down") {
		t.Errorf("got %d %s %s", w.Code, w.Body, log)
	}
}
