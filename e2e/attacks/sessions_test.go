//go:build unix

package attacks

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// listed is a session as its owner sees it.
type listed struct {
	ID        string `json:"id"`
	UserAgent string `json:"user_agent"`
	Current   bool   `json:"current"`
}

func (s *shop) sessions(t testing.TB, fields ...string) (list []listed, text string) {
	t.Helper()
	a := s.call(t, "shop.test", "GET", "/auth/sessions", "", fields...)
	var body struct{ Sessions []listed }
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.status != http.StatusOK {
		t.Fatalf("listing sessions: %d %s", a.status, a.body)
	}
	return body.Sessions, a.text()
}

// Nobody sees or ends a session but its owner (attack F10), no page of another site
// makes them (I1), and who ends all of their own is out everywhere at once (F2).
func TestSessionsOfOthers(t *testing.T) {
	s := openShop(t)
	ada, oda := s.people["ada"], s.people["oda"]
	mal := s.join(t, "shop.test", "customer", "mal@example.com")
	agent := "{env.JWT_SECRET} <script>alert(1)</script>" + strings.Repeat("x", 8<<10)
	phone := s.logInBy(t, "shop.test", ada.token, "User-Agent", agent)

	list, text := s.sessions(t, "Cookie", ada.cookie)
	if len(list) != 2 {
		t.Fatalf("ada has %d sessions: %s", len(list), text)
	}
	phoneSID, _, _ := strings.Cut(strings.TrimPrefix(phone, "connect.sid=s%3A"), ".")
	for what, secret := range map[string]string{"a session's id": s.names["ada sid"], "another session's id": phoneSID, "an expanded placeholder": jwtSecret} {
		if strings.Contains(text, secret) {
			t.Errorf("the list has %s: %s", what, text)
		}
	}
	if len(text) > 4<<10 {
		t.Errorf("a log-in puts %d bytes into the list", len(text))
	}
	if got, _ := s.sessions(t, "Authorization", "Bearer "+mal.token); len(got) != 1 {
		t.Errorf("mal sees %d sessions", len(got))
	}

	stands := func(what string) {
		t.Helper()
		for _, cookie := range []string{ada.cookie, phone} {
			if a := s.call(t, "shop.test", "GET", "/mine", "", "Cookie", cookie); a.status != http.StatusOK {
				t.Fatalf("%s: ada is out: %d %s", what, a.status, a.body)
			}
		}
	}
	id := list[0].ID
	for name, c := range map[string]struct {
		method, target string
		fields         []string
		want           []int
	}{
		"of another, by bearer":          {"DELETE", "/auth/sessions/" + id, []string{"Authorization", "Bearer " + mal.token}, []int{404}},
		"of another, by session":         {"DELETE", "/auth/sessions/" + id, []string{"Cookie", mal.cookie}, []int{404}},
		"of another, by a user":          {"DELETE", "/auth/sessions/" + id, []string{"Authorization", "Bearer " + s.people["eve"].token}, []int{404}},
		"of another, by who is nobody":   {"DELETE", "/auth/sessions/" + id, []string{"Authorization", "Bearer " + s.people["bob"].token}, []int{404}},
		"of another realm":               {"DELETE", "/auth/sessions/" + id, []string{"Authorization", "Bearer " + oda.token}, []int{401}},
		"by nobody":                      {"DELETE", "/auth/sessions/" + id, nil, []int{401}},
		"by a forged token":              {"DELETE", "/auth/sessions/" + id, []string{"Authorization", "Bearer " + s.names["unsigned"]}, []int{401}},
		"all, by nobody":                 {"DELETE", "/auth/sessions", nil, []int{401}},
		"all, by a forged token":         {"DELETE", "/auth/sessions", []string{"Authorization", "Bearer " + s.names["tampered"]}, []int{401}},
		"by the cookie's secret part":    {"DELETE", "/auth/sessions/" + s.names["ada sid"], []string{"Cookie", ada.cookie}, []int{404}},
		"by a way round one's own":       {"DELETE", "/auth/sessions/x/../" + id, []string{"Cookie", mal.cookie}, []int{400}},
		"by an encoded way":              {"DELETE", "/auth/sessions/x%2f..%2f" + id, []string{"Cookie", mal.cookie}, []int{400, 404}},
		"by a pattern":                   {"DELETE", "/auth/sessions/*", []string{"Cookie", ada.cookie}, []int{404}},
		"by a key of Redis":              {"DELETE", "/auth/sessions/%7B" + ada.identityID + "%7D", []string{"Cookie", ada.cookie}, []int{404}},
		"all, of another site":           {"DELETE", "/auth/sessions", []string{"Cookie", ada.cookie, "Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site"}, []int{403}},
		"one, of another site":           {"DELETE", "/auth/sessions/" + id, []string{"Cookie", ada.cookie, "Origin", "https://evil.test"}, []int{403}},
		"all, of a sandboxed frame":      {"DELETE", "/auth/sessions", []string{"Cookie", ada.cookie, "Origin", "null"}, []int{403}},
		"all, by a form in disguise":     {"POST", "/auth/sessions?_method=DELETE", []string{"Cookie", ada.cookie, "X-HTTP-Method-Override", "DELETE"}, []int{404}},
		"all but something else":         {"DELETE", "/auth/sessions?except=" + id, []string{"Cookie", ada.cookie}, []int{400}},
		"all but current, said twice":    {"DELETE", "/auth/sessions?except=current&except=", []string{"Cookie", ada.cookie}, []int{400}},
		"read by a page of another site": {"GET", "/auth/sessions", []string{"Cookie", ada.cookie, "Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site"}, []int{200, 403}},
	} {
		a := s.call(t, "shop.test", c.method, c.target, "", c.fields...)
		if !slices.Contains(c.want, a.status) || a.header["Set-Cookie"] != nil || strings.Contains(a.text(), "evil.test") || a.header.Get("Cache-Control") != "private, no-store" && a.status < 400 {
			t.Errorf("%s: %d %v %s", name, a.status, a.header, a.body)
		}
		stands(name)
	}

	a := s.call(t, "shop.test", "DELETE", "/auth/sessions", "", "Cookie", phone)
	if a.status != http.StatusOK {
		t.Fatalf("ending all: %d %s", a.status, a.body)
	}
	for name, fields := range map[string][]string{
		"session": {"Cookie", ada.cookie}, "other session": {"Cookie", phone}, "bearer": {"Authorization", "Bearer " + ada.token}, "another bearer": {"Authorization", "Bearer " + s.names["genuine"]},
	} {
		for _, request := range [][2]string{{"GET", "/mine"}, {"GET", "/any"}, {"POST", "/auth/token/refresh"}, {"POST", "/auth/session"}, {"GET", "/auth/sessions"}, {"DELETE", "/auth/sessions"}} {
			if a := s.call(t, "shop.test", request[0], request[1], "", fields...); a.status != http.StatusUnauthorized || a.header["Set-Cookie"] != nil {
				t.Errorf("the %s afterwards: %s: %d %s", name, request[1], a.status, a.body)
			}
		}
	}
	if a := s.call(t, "shop.test", "GET", "/mine", "", "Cookie", mal.cookie); a.status != http.StatusOK {
		t.Errorf("somebody else is out, too: %d", a.status)
	}
}
