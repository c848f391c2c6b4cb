package httpapi_test

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// All ends bearers too, and nobody else's (attack F2).
func TestDeleteAllSessions(t *testing.T) {
	t.Parallel()
	for name, byBearer := range map[string]bool{"by session": false, "by bearer": true} {
		s := newShop(t, nil)
		raw := s.customer("ann@example.com", "pass-1", "cus_1")
		current, other := s.login(raw), s.login(raw)
		bob := s.customer("bob@example.com", "pass-1", "cus_2")
		bobs := s.login(bob)
		credential := headers("Cookie", current)
		if byBearer {
			credential = headers("Authorization", bearer(raw))
		}
		res := s.mustDo(200, request{"DELETE", sessionsPath, "", credential})
		if res.body != `{"success":true}` || strings.HasPrefix(res.header.Get("Set-Cookie"), "connect.sid=;") == byBearer || byBearer && res.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: got %s %v", name, res.body, res.header)
		}
		for _, cookie := range []string{current, other} {
			s.holds(false, name+": a session", "Cookie", cookie)
		}
		s.holds(false, name+": the bearer", "Authorization", bearer(raw))
		s.mustDo(401, request{"GET", sessionsPath, "", headers("Authorization", bearer(raw))})
		s.holds(true, name+": Bob's session", "Cookie", bobs)
		s.holds(true, name+": Bob's bearer", "Authorization", bearer(bob))
		// In this very second she may log in again.
		again := s.login(s.token(s.mustDo(200, post("/auth/customer/emailpass", credentials("ann@example.com", "pass-1")))))
		s.holds(true, name+": the new session", "Cookie", again)
		if listed := s.sessions("Cookie", again); len(listed) != 1 {
			t.Errorf("%s: listed %+v", name, listed)
		}
	}
}

func TestDeleteOtherSessions(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	current, other := s.login(raw), s.login(raw)
	s.holds(true, "the current, and now it is cached", "Cookie", current)
	for range 3 { // in the same second, too
		res := s.mustDo(200, request{"DELETE", sessionsPath + "?except=current", "", headers("Cookie", current, "Authorization", bearer(raw))})
		if res.body != `{"success":true}` || res.header.Get("Set-Cookie") != "" {
			t.Errorf("got %s %v", res.body, res.header)
		}
		s.holds(true, "the current", "Cookie", current)
		s.holds(false, "the other", "Cookie", other)
		s.holds(false, "the bearer", "Authorization", bearer(raw))
		if listed := s.sessions("Cookie", current); len(listed) != 1 || !listed[0].Current {
			t.Errorf("listed %+v", listed)
		}
	}
	fresh := s.token(s.mustDo(200, request{"POST", refreshPath, "", headers("Cookie", current)}))
	res := s.mustDo(200, request{"DELETE", sessionsPath + "?except=current", "", headers("Authorization", bearer(fresh))})
	next := s.token(res)
	if got := s.claims(next); got.ActorID != "cus_1" || res.header.Get("Set-Cookie") != "" {
		t.Errorf("got %+v %v", got, res.header)
	}
	s.holds(false, "the session", "Cookie", current)
	s.holds(false, "the old bearer", "Authorization", bearer(fresh))
	s.holds(true, "the new bearer", "Authorization", bearer(next))
}

// Who presses the button twice stays logged in, and hears so both times.
func TestDeleteOtherSessionsAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	current := s.login(raw)
	for range 20 {
		var done sync.WaitGroup
		for range 2 {
			done.Go(func() {
				res := s.do(request{"DELETE", sessionsPath + "?except=current", "", headers("Cookie", current)})
				if res.status != 200 && res.status != 503 { // they may be in each other's way, and nobody knows then
					t.Errorf("got %d %s", res.status, res.body)
				}
			})
		}
		done.Wait()
		s.holds(true, "the current", "Cookie", current)
		s.clock.Forward(time.Minute) // else it would soon be too often
	}
}

// Claims do not run ahead of time, however often somebody revokes others; ending
// all works always.
func TestDeleteOtherSessionsTooOften(t *testing.T) {
	t.Parallel()
	for name, byBearer := range map[string]bool{"by session": false, "by bearer": true} {
		s := newShop(t, nil)
		raw := s.customer("ann@example.com", "pass-1", "cus_1")
		credential := headers("Cookie", s.login(raw))
		if byBearer {
			credential = headers("Authorization", bearer(raw))
		}
		others := func() response {
			return s.do(request{"DELETE", sessionsPath + "?except=current", "", credential})
		}
		const most = 1000
		res, good := response{}, 0
		for ; good < most; good++ {
			if res = others(); res.status != 200 {
				break
			}
			if byBearer {
				raw = s.token(res)
				credential = headers("Authorization", bearer(raw))
			}
		}
		if good != 61 || res.status != 429 || res.header.Get("Retry-After") != "1" || !strings.Contains(res.body, `"type":"too_many_requests"`) || res.header.Get("Set-Cookie") != "" {
			t.Fatalf("%s: after %d got %d %s %v", name, good, res.status, res.body, res.header)
		}
		if !strings.Contains(s.log.String(), `"reason":"keep_limited"`) {
			t.Errorf("%s: no reason in the log", name)
		}
		s.mustDo(200, request{"GET", sessionsPath, "", credential}) // it goes on
		fresh := s.claims(s.token(s.mustDo(200, request{"POST", refreshPath, "", credential})))
		if ahead := time.Unix(fresh.IssuedAt, 0).Sub(s.clock.Now()); ahead > time.Minute+time.Second {
			t.Errorf("%s: claims are %v ahead", name, ahead)
		}
		s.clock.Forward(time.Second)
		res = others()
		if res.status != 200 {
			t.Errorf("%s: a second later got %d %s", name, res.status, res.body)
		}
		if byBearer {
			credential = headers("Authorization", bearer(s.token(res)))
		}
		if res = others(); res.status != 429 {
			t.Errorf("%s: then got %d %s", name, res.status, res.body)
		}
		s.mustDo(200, request{"DELETE", sessionsPath, "", credential})
		s.mustDo(401, request{"GET", sessionsPath, "", credential})
	}
}

// A query that is not understood ends nothing.
func TestDeleteSessionsQuery(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	for _, query := range []string{"?except", "?except=", "?except=Current", "?except=current&except=current", "?execpt=current", "?except=current&x=1", "?except=%zz", "?except=ses_1;"} {
		res := s.mustDo(400, request{"DELETE", sessionsPath + query, "", headers("Authorization", bearer(raw))})
		if !strings.Contains(res.body, `"type":"invalid_data"`) {
			t.Errorf("%s: got %s", query, res.body)
		}
	}
	s.mustDo(404, request{"DELETE", sessionsPath + "/", "", headers("Authorization", bearer(raw))}) // an empty id
	s.holds(true, "the bearer", "Authorization", bearer(raw))
}

// One browser, two people: what ends for one does not for the other (attack F9).
func TestRevokeOneOfTwoInABrowser(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	customer := s.customer("two@example.com", "pass-1", "cus_1")
	staff := s.token(s.mustDo(200, post("/auth/user/emailpass/register", credentials("staff@example.com", "pass-1"))))
	res := s.mustDo(200, request{"POST", sessionPath, "", headers("Cookie", s.login(customer), "Authorization", bearer(staff))})
	both, _, _ := strings.Cut(res.header.Get("Set-Cookie"), ";")
	if listed := s.sessions("Authorization", bearer(customer)); len(listed) != 1 || strings.Join(listed[0].ActorTypes, ",") != "customer" {
		t.Errorf("the customer sees %+v", listed)
	}
	s.mustDo(200, request{"DELETE", sessionsPath, "", headers("Authorization", bearer(customer))})
	if listed := s.sessions("Cookie", both); len(listed) != 1 || strings.Join(listed[0].ActorTypes, ",") != "user" || !listed[0].Current {
		t.Errorf("the user sees %+v", listed)
	}
	s.holds(true, "the user", "Cookie", both)
	s.holds(false, "the customer", "Authorization", bearer(customer))
}
