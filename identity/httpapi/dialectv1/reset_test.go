package dialectv1_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const badToken = `{"type":"unauthorized","message":"Invalid or expired password reset token"}`

func TestResetOfACustomer(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	cookie := s.janeSignsUp()
	raw := accessToken(t, s.mustSend(200, "POST", "/store/auth/token", jane))
	for _, email := range []string{"nobody@example.com", "JANE@example.com"} { // known or not
		r := s.send("POST", "/store/customers/password-token", `{"email":"`+email+`"}`)
		r.want(t, 204, "")
		if r.cookie() != "" || r.header["Content-Type"] != nil {
			t.Errorf("%s: %v", email, r.header)
		}
	}
	if got := s.resets.requests[1]; got.ActorType != "customer" || got.Provider != "emailpass" || got.Identifier != "jane@example.com" {
		t.Errorf("asked for %+v", got)
	}
	token := s.issue()
	body := func(email, token, password string) string {
		return fmt.Sprintf(`{"email":%q,"token":%q,"password":%q}`, email, token, password)
	}
	for name, b := range map[string]string{
		"garbage":            body("jane@example.com", "garbage", "n"),
		"unknown address":    body("nobody@example.com", token, "n"),
		"an access token":    body("jane@example.com", raw, "n"),
		"tampered signature": body("jane@example.com", token[:len(token)-3], "n"),
	} {
		if r := s.send("POST", "/store/customers/password-reset", b); r.status != 401 || r.body != badToken {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	s.send("POST", "/admin/users/reset-password", `{"token":"`+token+`","password":"n"}`).want(t, 401, badToken)
	s.send("POST", "/store/customers/password-reset", body("jane@example.com", token, "")).want(t, 400, `{"type":"invalid_data","message":"password should not be empty"}`)
	s.clock.Forward(2 * time.Second)
	r := s.mustSend(200, "POST", "/store/customers/password-reset", body("Jane@example.com", token, "new"))
	if c := personIn(t, "customer", r.body); c["email"] != "jane@example.com" || c["has_account"] != true || r.cookie() != "" {
		t.Errorf("got %s, %v", r.body, r.header)
	}
	s.send("POST", "/store/customers/password-reset", body("jane@example.com", token, "newer")).want(t, 401, badToken)
	s.send("POST", "/store/auth", jane).want(t, 401, "Unauthorized")
	s.mustSend(200, "POST", "/store/auth", `{"email":"jane@example.com","password":"new"}`)
	// Unlike v1's, what was issued before has ended.
	wantGuarded(t, s.send("GET", "/store/auth", "", "Cookie", cookie))
	wantGuarded(t, s.send("GET", "/store/auth", "", "Authorization", "Bearer "+raw))
}

func TestResetOfAUser(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.annIsStaff()
	s.janeSignsUp()
	s.send("POST", "/admin/users/password-token", `{"email":"ann@example.com"}`).want(t, 204, "")
	token := s.issue()
	s.send("POST", "/admin/users/reset-password", `{"token":"`+token+`","password":"n","email":"jane@example.com"}`).want(t, 401, badToken)
	s.clock.Forward(2 * time.Second)
	r := s.mustSend(200, "POST", "/admin/users/reset-password", `{"token":"`+token+`","password":"n"}`)
	if u := personIn(t, "user", r.body); u["id"] != "usr_1" {
		t.Errorf("got %s", r.body)
	}
	s.mustSend(200, "POST", "/admin/auth", `{"email":"ann@example.com","password":"n"}`)
	// Nobody becomes staff by the way of customers, nor the other way round.
	for path, email := range map[string]string{"/store/customers/password-token": "ann@example.com", "/admin/users/password-token": "jane@example.com"} {
		s.send("POST", path, `{"email":"`+email+`"}`).want(t, 204, "")
		n, err := s.service.IssueReset(t.Context(), s.resets.requests[len(s.resets.requests)-1])
		if err != nil || n != nil {
			t.Errorf("%s: told %v, %v", email, n, err)
		}
	}
}

// Without the queue it is not known whether anybody will be told.
func TestResetWithoutTheQueue(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.resets.err = identity.Unavailable("store_refused", fmt.Errorf("connection refused"))
	for _, path := range []string{"/store/customers/password-token", "/admin/users/password-token"} {
		wantUnavailable(t, s.send("POST", path, `{"email":"jane@example.com"}`))
	}
}

func wantUnavailable(t *testing.T, r response) {
	t.Helper()
	r.want(t, 503, `{"type":"unavailable","message":"Service temporarily unavailable"}`)
	if r.header.Get("Retry-After") != "1" || r.header.Get("Set-Cookie") != "" {
		t.Errorf("headers %v", r.header)
	}
}

// Redis down is 503 wherever it is asked, and no cookie is touched.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.annIsStaff()
	cookie := s.mustSend(200, "POST", "/admin/auth", ann, "Cookie", s.janeSignsUp()).cookie()
	bearer := "Bearer " + accessToken(t, s.mustSend(200, "POST", "/store/auth/token", jane))
	s.send("POST", "/store/customers/password-token", `{"email":"jane@example.com"}`)
	reset := s.issue()
	must(t, s.embedded.Close())
	s.clock.Forward(time.Minute) // nothing is fresh any more
	for _, q := range [][]string{
		{"POST", "/store/auth", jane}, {"POST", "/store/auth/token", jane}, {"POST", "/admin/auth", ann}, {"POST", "/admin/auth/token", ann},
		{"GET", "/store/auth", "", "Cookie", cookie}, {"GET", "/store/auth", "", "Authorization", bearer}, {"GET", "/admin/auth", "", "Cookie", cookie},
		{"DELETE", "/store/auth", "", "Cookie", cookie}, {"DELETE", "/admin/auth", "", "Cookie", cookie},
		{"POST", "/store/customers", `{"email":"new@example.com","password":"x"}`}, {"GET", "/store/auth/jane@example.com", ""},
		{"POST", "/store/customers/password-reset", `{"email":"jane@example.com","token":"` + reset + `","password":"n"}`},
	} {
		r := s.send(q[0], q[1], q[2], q[3:]...)
		if r.status != 503 {
			t.Errorf("%s %s", q[0], q[1])
		}
		wantUnavailable(t, r)
	}
	wantGuarded(t, s.send("GET", "/store/auth", "")) // who brings nothing needs no store
	s.send("DELETE", "/store/auth", "").want(t, 200, "OK")
	if log := s.log.String(); strings.Contains(log, "jane@") || strings.Contains(log, "Passw0rd") {
		t.Errorf("the log names people: %s", log)
	}
}
