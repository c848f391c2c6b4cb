//go:build unix

package faults

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

const (
	password = "correct horse battery staple"
	other    = "another password entirely"

	logIn    = "/auth/customer/emailpass"
	register = logIn + "/register"
	refresh  = "/auth/token/refresh"
	session  = "/auth/session"
)

// person is somebody with an account, made by the maker.
type person struct {
	email           string
	identity, actor string
	token           string
	cookie          string // "connect.sid=…"
}

func (p person) bearer() []string      { return []string{"Authorization", "Bearer " + p.token} }
func (p person) browser() []string     { return []string{"Cookie", p.cookie} }
func (p person) logIn() call           { return post(logIn, credentials(p.email, password)) }
func (p person) logInBy(w string) call { return post(logIn, credentials(p.email, w)) }

var addresses atomic.Uint32

func newAddress() string { return fmt.Sprintf("person%d@example.com", addresses.Add(1)) }

// registered makes an account that is no customer yet.
func (s *stand) registered(t testing.TB) person {
	t.Helper()
	p := person{email: newAddress()}
	p.take(t, post(register, credentials(p.email, password)).must(t, s.maker.URL(), http.StatusOK))
	return p
}

// joined makes a customer, who has a token and a session that no other node has
// seen.
func (s *stand) joined(t testing.TB) person {
	t.Helper()
	p := s.registered(t)
	post("/store/customers", `{}`, p.bearer()...).must(t, s.maker.URL(), http.StatusOK)
	return s.again(t, p)
}

// again gives a person another token and another session.
func (s *stand) again(t testing.TB, p person) person {
	t.Helper()
	p.take(t, post(refresh, "", p.bearer()...).must(t, s.maker.URL(), http.StatusOK))
	p.cookie = cookie(post(session, "", p.bearer()...).must(t, s.maker.URL(), http.StatusOK))
	return p
}

// take reads the token of an answer.
func (p *person) take(t testing.TB, a e2e.Answer) {
	t.Helper()
	p.token = a.Field("token")
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(p.token, claims); err != nil {
		t.Fatalf("no token in %d %s: %v", a.Status, a.Body, err)
	}
	p.identity, _ = claims["auth_identity_id"].(string)
	p.actor, _ = claims["actor_id"].(string)
}

// resetToken asks for a new password and returns the token of the mail.
func (s *stand) resetToken(t testing.TB, p person) string {
	t.Helper()
	post(logIn+"/reset-password", fmt.Sprintf(`{"identifier":%q}`, p.email)).must(t, s.maker.URL(), http.StatusCreated)
	var token string
	eventually(t, "the token of the reset is delivered", func() bool {
		token = s.delivered(p.email)
		return token != ""
	})
	return token
}

// delivered returns the latest reset token for the address, "" if there is none.
func (s *stand) delivered(email string) string { return mailed(s.direct, email) }

// began is a log-in at the third party, at which the person is; they come back with
// what is in the query.
type began struct{ query, cookie string }

func (b began) callback() call {
	return get("/auth/customer/people/callback?"+b.query, "Cookie", b.cookie)
}

// goesOut begins a log-in and is at the third party, as the person of that address.
func (s *stand) goesOut(t testing.TB, email string) began {
	t.Helper()
	return s.visits(t, post("/auth/customer/people", "").must(t, s.maker.URL(), http.StatusOK), email)
}

func (s *stand) visits(t testing.TB, start e2e.Answer, email string) began {
	t.Helper()
	there, err := url.Parse(start.Field("location"))
	if err != nil {
		t.Fatal(err)
	}
	query := there.Query()
	query.Set("login_hint", email)
	there.RawQuery = query.Encode()
	back := get("").must(t, there.String(), http.StatusSeeOther).Header.Get("Location")
	_, answer, _ := strings.Cut(back, "?")
	return began{answer, cookie(start)}
}

// eventually waits until it is so. Only a defect keeps it waiting for long, and a
// request for a reset whose process died, which goes to another after a minute.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came about that %s", what)
		}
	}
}
