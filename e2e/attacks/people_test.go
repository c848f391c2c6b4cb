//go:build unix

package attacks

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// person is somebody who has an account, with the credentials of one log-in.
type person struct {
	actorType, actorID, identityID string
	token                          string // without "Bearer"
	cookie                         string // "connect.sid=…"
}

// identity returns the fields that the backend must get of the person.
func (p person) identity(prefix string) map[string]string {
	fields := make(map[string]string)
	for name, value := range map[string]string{"actor-id": p.actorID, "actor-type": p.actorType, "identity-id": p.identityID} {
		if value != "" {
			fields[prefix+name] = value
		}
	}
	if p.identityID != "" {
		fields[prefix+"provider"] = "emailpass"
	}
	return fields
}

// call makes a request by HTTP/1.1 that is part of no attack.
func (s *shop) call(t testing.TB, host, method, target, body string, fields ...string) *answer {
	t.Helper()
	a, err := s.try(host, method, target, body, fields...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return a
}

func (s *shop) try(host, method, target, body string, fields ...string) (*answer, error) {
	r := &request{attack: new(attack), host: host, site: host, method: method, target: target, body: body, id: fmt.Sprintf("call-%d", expanded.Add(1))}
	if _, bare, found := strings.Cut(host, ":"); found {
		r.host = bare
	}
	for i := 0; i < len(fields); i += 2 {
		r.fields = append(r.fields, [2]string{fields[i], fields[i+1]})
	}
	if body != "" && !has(r.fields, "Content-Type") {
		r.fields = append(r.fields, [2]string{"Content-Type", "application/json"})
	}
	return sendH1(s.addrOf(r.site), r)
}

func logIn(email string) string { return fmt.Sprintf(`{"email":%q,"password":%q}`, email, passphrase) }

// member returns a string of a JSON answer.
func (a *answer) member(t testing.TB, name string) string {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.status/100 != 2 {
		t.Fatalf("no %s: %d %s", name, a.status, a.body)
	}
	text, _ := body[name].(string)
	if text == "" {
		t.Fatalf("no %s: %s", name, a.body)
	}
	return text
}

// cookie returns name and value of the first cookie that the answer sets.
func (a *answer) setCookie() string {
	value, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	return value
}

func identityOf(t testing.TB, token string) string {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	id, _ := claims["auth_identity_id"].(string)
	return id
}

// register makes an account that is no actor yet.
func (s *shop) register(t testing.TB, host, actorType, email string) person {
	t.Helper()
	p := person{actorType: actorType}
	p.token = s.call(t, host, "POST", "/auth/"+actorType+"/emailpass/register", logIn(email)).member(t, "token")
	p.identityID = identityOf(t, p.token)
	return p
}

// join makes an account and its actor, as a storefront does, and logs in by cookie.
func (s *shop) join(t testing.TB, host, actorType, email string) person {
	t.Helper()
	p := s.register(t, host, actorType, email)
	route := "/store/customers"
	if actorType == "user" {
		route = "/admin/invites/accept"
	}
	p.actorID = actorType + "_" + strings.TrimPrefix(p.identityID, "authid_")
	if a := s.call(t, host, "POST", route, "{}", "Authorization", "Bearer "+p.token, "X-New-Actor", p.actorID); a.status != http.StatusOK {
		t.Fatalf("making an actor: %d %s", a.status, a.body)
	}
	p.token = s.call(t, host, "POST", "/auth/token/refresh", "", "Authorization", "Bearer "+p.token).member(t, "token")
	p.cookie = s.logInBy(t, host, p.token)
	return p
}

// logInBy makes a session of a token and returns its cookie.
func (s *shop) logInBy(t testing.TB, host, token string, fields ...string) string {
	t.Helper()
	a := s.call(t, host, "POST", "/auth/session", "", append(fields, "Authorization", "Bearer "+token)...)
	if cookie := a.setCookie(); a.status == http.StatusOK && strings.HasPrefix(cookie, "connect.sid=") {
		return cookie
	}
	t.Fatalf("no session: %d %s", a.status, a.body)
	return ""
}

// populate makes the people of the corpus.
func (s *shop) populate(t testing.TB) {
	t.Helper()
	s.people = map[string]person{
		"ada": s.join(t, "shop.test", "customer", "ada@example.com"),
		"eve": s.join(t, "shop.test", "user", "eve@example.com"),
		"bob": s.register(t, "shop.test", "customer", "bob@example.com"), // whose actor id is empty
		"oda": s.join(t, "other.test", "customer", "ada@example.com"),    // of another realm
	}
	s.names = s.credentials(t)
	// One that is sent where nobody looks for credentials, and where Caddy logs it.
	s.names["stray token"] = s.register(t, "shop.test", "customer", "stray@example.com").token
}
