package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

const passphrase = "correct horse battery staple"

// mayJoin are the rules of a site for the routes of makeActor.
const mayJoin = `auth_require /store/customers customer {
	allow_unregistered
}
auth_require /admin/invites/accept user {
	allow_unregistered
}
`

// person is somebody who has an account, and the credentials of one log-in.
type person struct {
	email, actorType, actorID, identityID string
	bearer                                string // "Bearer …"
	cookie                                string // "connect.sid=…"
}

// register makes an account that is no actor yet.
func (s *shop) register(t testing.TB, actorType, email string) person {
	t.Helper()
	r := s.send(t, "POST", "/auth/"+actorType+"/emailpass/register", logInBody(email))
	p := person{email: email, actorType: actorType}
	p.take(t, r)
	return p
}

func logInBody(email string) string {
	return fmt.Sprintf(`{"email":%q,"password":%q}`, email, passphrase)
}

// address is an e-mail address for the sub-test of that name.
func address(name string) string {
	return strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(name) + "@example.com"
}

// join makes an account and its actor, as a storefront does, and logs in by cookie.
func (s *shop) join(t testing.TB, actorType, email string) person {
	t.Helper()
	p := s.register(t, actorType, email)
	p.actorID = actorType + "_" + strings.TrimPrefix(p.identityID, "authid_")
	s.makeActor(t, p)
	p.take(t, s.send(t, "POST", "/auth/token/refresh", "", "Authorization", p.bearer))
	p.cookie = s.logIn(t, p, "")
	return p
}

// makeActor lets the backend make an actor for the person, by the route that
// Medusa has for it.
func (s *shop) makeActor(t testing.TB, p person) {
	t.Helper()
	route, member := "/store/customers", "customer"
	if p.actorType == "user" {
		route, member = "/admin/invites/accept", "user"
	}
	s.on(route, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = fmt.Fprintf(w, `{%q:{"id":%q}}`, member, p.actorID)
	})
	if r := s.send(t, "POST", route, "{}", "Authorization", p.bearer); r.StatusCode != http.StatusOK {
		t.Fatalf("making an actor: %d %s", r.StatusCode, r.body)
	}
	s.on(route, nil)
}

// logIn makes a session in a browser that has the cookie, and returns the new one.
func (s *shop) logIn(t testing.TB, p person, cookie string) string {
	t.Helper()
	header := []string{"Authorization", p.bearer}
	if cookie != "" {
		header = append(header, "Cookie", cookie)
	}
	r := s.send(t, "POST", "/auth/session", "", header...)
	value, _, _ := strings.Cut(r.Header.Get("Set-Cookie"), ";")
	if r.StatusCode != http.StatusOK || !strings.Contains(value, "=") {
		t.Fatalf("logging in: %d %s", r.StatusCode, r.body)
	}
	return value
}

// take reads the token of an answer.
func (p *person) take(t testing.TB, r response) {
	t.Helper()
	var body struct{ Token string }
	if err := json.Unmarshal([]byte(r.body), &body); err != nil || r.StatusCode != http.StatusOK || body.Token == "" {
		t.Fatalf("no token: %d %s", r.StatusCode, r.body)
	}
	p.bearer = "Bearer " + body.Token
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(body.Token, claims); err != nil {
		t.Fatal(err)
	}
	p.identityID, _ = claims["auth_identity_id"].(string)
}

// verified returns the claims of a token after checking its signature.
func verified(t testing.TB, token string) jwt.MapClaims {
	t.Helper()
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return []byte(jwtSecret), nil },
		jwt.WithValidMethods([]string{"HS256"}))
	if err != nil {
		t.Fatalf("token %s: %v", token, err)
	}
	return claims
}
