package caddymodule_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// few are limits that a test reaches soon, and that time does not lift.
const few = `rate_limit login 6 600h
rate_limit network 3 300h
rate_limit account 4 400h
rate_limit device 2 200h
rate_limit register 8 700h
rate_limit reset 4 400h
rate_limit reset_account 2 200h
`

func guess(email string) string { return fmt.Sprintf(`{"email":%q,"password":"a wrong guess"}`, email) }

// A client that is not trusted chooses no address: all it writes counts to one. One
// behind a trusted proxy is who that says. (attacks C1, H4)
func TestLimitsByClient(t *testing.T) {
	s := open(t, config{Realm: few})
	spellings := []string{
		"", "192.0.2.1", "198.51.100.1, 192.0.2.2", "2001:db8::1%eth0", "[2001:db8::2]:443", "192.0.2.3:80", "unknown", strings.Repeat("192.0.2.4, ", 50) + "192.0.2.5",
	}
	for n, spelling := range spellings {
		r := s.send(t, "POST", "/auth/customer/emailpass", guess(fmt.Sprintf("nobody%d@example.com", n)),
			"X-Forwarded-For", spelling, "X-Real-Ip", spelling, "Forwarded", "for="+spelling, "Cf-Connecting-Ip", spelling)
		if n < 6 {
			wantStatus(t, r, http.StatusUnauthorized)
		} else {
			r.wantLimited(t)
		}
	}
	if !strings.Contains(s.log(), `"reason":"login_limited"`) {
		t.Error("the log does not say so")
	}
	s.mustLoad(config{Realm: few, Global: "servers {\ntrusted_proxies static 127.0.0.1\n}"})
	from := func(client string, n int) response {
		return s.send(t, "POST", "/auth/customer/emailpass", guess(fmt.Sprintf("somebody%d@example.com", n)), "X-Forwarded-For", client)
	}
	for n := range 8 { // one household
		r := from(fmt.Sprintf("2001:db8::%x", n+1), n)
		if n < 6 {
			wantStatus(t, r, http.StatusUnauthorized)
		} else {
			r.wantLimited(t)
		}
	}
	wantStatus(t, from("2001:db8:0:1::1", 9), http.StatusUnauthorized)
	wantStatus(t, from("192.0.2.1", 10), http.StatusUnauthorized)
}

// header is what a client sees of an answer but the time and the time left.
func (r response) header() map[string][]string {
	h := maps.Clone(r.Header)
	h.Del("Date")
	if h.Get("Retry-After") != "" {
		h.Set("Retry-After", "seconds")
	}
	return h
}

// Known and unknown accounts have the same answers in every header and at the same
// count, by both dialects and however the address is written. (attacks H2, H3)
func TestLimitsTellNothing(t *testing.T) {
	var first []string
	for _, email := range []string{"ada@example.com", "nobody@example.com", "ADA@Example.com", " ada@example.com "} {
		t.Run(email, func(t *testing.T) {
			course := limitedCourse(t, email)
			if first == nil {
				first = course
			}
			if !slices.Equal(course, first) {
				t.Errorf("%q\nwant\n%q", course, first)
			}
			if refused := strings.Count(strings.Join(course, ""), "Retry-After:["); refused != 6 {
				t.Errorf("%d of 5 log-ins, 3 resets and 3 log-ins more were refused", refused)
			}
		})
	}
}

// limitedCourse guesses until nothing is judged any more, and returns the answers.
func limitedCourse(t *testing.T, email string) (course []string) {
	s := open(t, config{Realm: few, Site: bothDialects})
	s.register(t, "customer", "ada@example.com")
	keep := func(r response) { course = append(course, fmt.Sprint(r.StatusCode, r.body, r.header())) }
	for n := range 5 {
		path := []string{"/auth/customer/emailpass", "/auth/user/emailpass", "/auth/customer/emailpass"}[n%3]
		keep(s.send(t, "POST", path, guess(email)))
	}
	for range 3 {
		keep(s.send(t, "POST", "/auth/customer/emailpass/reset-password", fmt.Sprintf(`{"identifier":%q}`, email)))
	}
	for _, path := range []string{"/store/auth", "/store/auth/token", "/admin/auth"} {
		r := s.send(t, "POST", path, guess(strings.TrimSpace(email)))
		r.wantLimited(t)
		keep(r)
	}
	return course
}

// Somebody guesses so that the owner is kept out: by the browser that she used
// before she gets in, and a thief of its cookie has no more than that. (attack H5)
func TestLimitsKeepNoOwnerOut(t *testing.T) {
	s := open(t, config{Realm: few, Site: bothDialects})
	ada := s.register(t, "customer", "ada@example.com")
	r := s.send(t, "POST", "/auth/session", "", "Authorization", ada.bearer)
	device := deviceOf(t, r)
	for range 4 {
		s.send(t, "POST", "/auth/customer/emailpass", guess(ada.email))
	}
	s.send(t, "POST", "/auth/customer/emailpass", logInBody(ada.email)).wantLimited(t)
	s.send(t, "POST", "/auth/customer/emailpass", logInBody(ada.email), "Cookie", device+"x").wantLimited(t)
	s.send(t, "POST", "/auth/customer/emailpass/register", logInBody(ada.email)).wantLimited(t)
	wantStatus(t, s.send(t, "POST", "/auth/customer/emailpass", logInBody(ada.email), "Cookie", device), http.StatusOK)
	r = s.send(t, "POST", "/store/auth", logInBody(ada.email), "Cookie", device)
	wantStatus(t, r, http.StatusOK)
	if deviceOf(t, r) == device || len(r.Header["Set-Cookie"]) != 2 {
		t.Errorf("got the cookies %q", r.Header["Set-Cookie"])
	}
	seen := s.send(t, "GET", "/store/x", "", "Cookie", "a=b; "+device).seen(t)
	if got := seen.Header.Get("Cookie"); got != "a=b" {
		t.Errorf("the backend gets the cookie %s", got)
	}
	for n := range 3 { // each waits: it is over the half
		r := s.send(t, "POST", "/auth/customer/emailpass", guess(ada.email), "Cookie", device)
		if n < 2 {
			wantStatus(t, r, http.StatusUnauthorized)
		} else {
			r.wantLimited(t)
		}
	}
	if r := s.send(t, "POST", "/auth/customer/emailpass", guess("bob@example.com"), "Cookie", device); r.Header["Set-Cookie"] != nil {
		t.Errorf("a failed log-in sets %q", r.Header["Set-Cookie"])
	}
}

// deviceOf returns the cookie by which a browser is known.
func deviceOf(t *testing.T, r response) string {
	t.Helper()
	for _, line := range r.Header["Set-Cookie"] {
		if strings.HasPrefix(line, "connect.sid.device=") {
			cookie, _, _ := strings.Cut(line, ";")
			return cookie
		}
	}
	t.Fatalf("%d %s: no cookie of a device among %q", r.StatusCode, r.body, r.Header["Set-Cookie"])
	return ""
}

// What is counted stays over a reload, and a restart of Caddy.
func TestLimitsOverAReload(t *testing.T) {
	c := config{Redis: identitytest.StartRedis(t).URL(), Realm: few}
	again := func(t *testing.T, s *shop) response {
		return s.send(t, "POST", "/auth/customer/emailpass", guess("nobody@example.com"))
	}
	t.Run("reload", func(t *testing.T) {
		s := open(t, c)
		for range 3 {
			wantStatus(t, again(t, s), http.StatusUnauthorized)
		}
		s.mustLoad(c)
		again(t, s).wantLimited(t)
	})
	t.Run("restart", func(t *testing.T) {
		s := open(t, c)
		again(t, s).wantLimited(t)
		s.mustLoad(config{Redis: c.Redis, Realm: "rate_limit off"})
		for range 20 {
			wantStatus(t, again(t, s), http.StatusUnauthorized)
		}
		s.mustLoad(config{Redis: c.Redis, Realm: few + "rate_limit trusted 127.0.0.0/8\n"})
		wantStatus(t, again(t, s), http.StatusUnauthorized)
	})
}

// 500 log-ins at once, half of them right: nothing but what there is for that, no
// more wrong ones are judged than there is place for, and who is logged in goes on
// as before. (attack G8)
func TestLimitsUnderPressure(t *testing.T) {
	s := open(t, config{Realm: "rate_limit network 400 400h\nrate_limit account 40 400h\nrate_limit login 1000 100h\n"})
	ada := s.join(t, "customer", "ada@example.com")
	var judged, limited, busy, in atomic.Int64
	var all sync.WaitGroup
	for n := range 500 {
		all.Go(func() {
			body := logInBody(ada.email)
			if n%2 == 0 {
				body = guess("nobody@example.com")
			}
			switch r := s.send(t, "POST", "/auth/customer/emailpass", body); r.StatusCode {
			case http.StatusOK:
				in.Add(1)
			case http.StatusUnauthorized:
				judged.Add(1)
			case http.StatusTooManyRequests:
				limited.Add(1)
			case http.StatusServiceUnavailable:
				busy.Add(1)
			default:
				t.Errorf("got %d %s", r.StatusCode, r.body)
			}
		})
	}
	for range 50 {
		wantIdentity(t, s.send(t, "GET", "/store/x", "", bearer(ada)...).seen(t), ada.identity())
	}
	all.Wait()
	t.Logf("%d in, %d wrong, %d too many, %d for want of place", in.Load(), judged.Load(), limited.Load(), busy.Load())
	if judged.Load() > 40 || limited.Load() == 0 || in.Load() == 0 {
		t.Errorf("%d guesses were judged, %d refused, %d are in", judged.Load(), limited.Load(), in.Load())
	}
}
