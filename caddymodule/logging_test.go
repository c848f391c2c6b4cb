package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

// accessLines returns the access log's entries for a target.
func (s *shop) accessLines(t *testing.T, target string) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(s.log()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if request, ok := entry["request"].(map[string]any); ok && request["uri"] == target && entry["msg"] == "handled request" {
			lines = append(lines, entry)
		}
	}
	return lines
}

// A proven caller is known to placeholders and to the access log, by ids alone.
func TestPlaceholdersAndAccessLog(t *testing.T) {
	s := open(t, config{Site: `auth_sidecar
auth_require /mine customer
auth_require /public * {
	optional
}
` + mayJoin + `
request_header X-Caller "{http.auth.user.id}|{http.auth.user.actor_id}|{http.auth.user.actor_type}|{http.auth.user.provider}|{http.auth.user.method}|{http.vars.auth_sidecar}"
reverse_proxy {backend} {
	header_up X-Id {http.auth.user.id}
}`})
	ada, eve := s.join(t, "customer", "ada@example.com"), s.join(t, "user", "eve@example.com")
	both := []string{"Cookie", s.logIn(t, eve, ada.cookie)}
	unregistered := s.register(t, "customer", "bob@example.com")
	for i, c := range []struct {
		target     string
		credential []string
		as         person
		method     string
	}{
		{"/store/x", bearer(ada), ada, "bearer"},
		{"/store/x", both, ada, "session"},
		{"/admin/x", both, eve, "session"},
		{"/mine", both, ada, "session"},
		{"/elsewhere", both, eve, "session"},
		{"/elsewhere", nil, person{}, ""},
		{"/elsewhere", []string{"Authorization", "Bearer x"}, person{}, ""},
		{"/public", bearer(unregistered), person{}, ""}, // the rule made it anonymous
	} {
		t.Run(fmt.Sprint(c.target, " ", c.method), func(t *testing.T) {
			target := fmt.Sprintf("%s?n=%d", c.target, i)
			got := s.send(t, "GET", target, "", c.credential...).seen(t)
			want := "|||||[redacted]"
			if c.method != "" {
				want = fmt.Sprintf("%s|%s|%s|emailpass|%s|[redacted]", c.as.identityID, c.as.actorID, c.as.actorType, c.method)
			}
			if got.Header.Get("X-Caller") != want || got.Header.Get("X-Id") != c.as.identityID {
				t.Errorf("the placeholders are %q and %q, want %q", got.Header.Get("X-Caller"), got.Header.Get("X-Id"), want)
			}
			var lines []map[string]any
			eventually(t, "the request is in the access log", func() bool {
				lines = s.accessLines(t, target)
				return len(lines) > 0
			})
			for field, want := range map[string]string{"user_id": c.as.identityID, "auth_identity_id": c.as.identityID, "actor_type": c.as.actorType} {
				if got, _ := lines[0][field].(string); got != want {
					t.Errorf("%s is %q, want %q", field, got, want)
				}
			}
		})
	}
}

// Not a line of the log, at any level, holds what logs somebody in or who it is
// (attack G3).
func TestLogHoldsNothingPersonal(t *testing.T) {
	s := open(t, config{
		Realm: "notify stream",
		Site:  "auth_sidecar {\ninvalid_credentials reject\n}\nauth_require /admin* user\n" + mayJoin + "reverse_proxy {backend}",
	})
	const email, wrong, next = "ada.lovelace@example.com", "wrong-passphrase-0123", "another-passphrase-0123"
	ada := s.join(t, "customer", email)
	post := func(target, body string, header ...string) {
		s.send(t, "POST", target, body, header...)
	}
	post("/auth/customer/emailpass", logInBody(email))
	post("/auth/customer/emailpass", fmt.Sprintf(`{"email":%q,"password":%q}`, email, wrong))
	post("/auth/customer/emailpass/register", fmt.Sprintf(`{"email":%q,"password":%q}`, email, wrong))
	post("/auth/customer/emailpass/register", fmt.Sprintf(`{"email":%q,"password":%q`, email, wrong)) // broken JSON
	post("/auth/customer/emailpass", "email="+email+"&password="+wrong, "Content-Type", "application/x-www-form-urlencoded")
	post("/auth/customer/emailpass/reset-password", fmt.Sprintf(`{"identifier":%q}`, email))
	post("/auth/customer/emailpass/update", fmt.Sprintf(`{"password":%q}`, next), "Authorization", ada.bearer)
	reset := ada.forge(t, hs256, []byte(jwtSecret), nil)
	post("/auth/customer/emailpass/update", fmt.Sprintf(`{"password":%q}`, next), "Authorization", reset)
	for _, target := range []string{"/store/x", "/admin/x", "/store/../x", "/auth/x"} {
		for _, header := range [][]string{bearer(ada), session(ada), {"Authorization", ada.bearer + "x"}, {"Cookie", ada.cookie + "x"}, {"Authorization", "Basic c2tfc2VjcmV0X2tleTo="}} {
			s.send(t, "GET", target, "", header...)
		}
	}
	post("/store/x", "{}", "Cookie", ada.cookie, "Origin", "https://evil.example.com")
	s.send(t, "DELETE", "/auth/session", "", session(ada)...)
	eventually(t, "the log-out is in the log", func() bool { return strings.Contains(s.log(), `"method":"DELETE"`) })

	log := s.log()
	token := strings.TrimPrefix(ada.bearer, "Bearer ")
	sid := strings.TrimPrefix(ada.cookie, "connect.sid=s%3A")
	for what, secret := range map[string]string{
		"the e-mail address": "lovelace", "the password": passphrase, "a wrong password": wrong, "the next password": next,
		"the bearer": token[strings.LastIndexByte(token, '.')+1:], "the claims": strings.Split(token, ".")[1], "the session's id": sid[:32],
		"a forged token": reset[len(reset)-20:], "the API key": "c2tfc2VjcmV0X2tleTo", "the token's secret": jwtSecret, "the cookie's secret": cookieSecret,
	} {
		for line := range strings.Lines(log) {
			if strings.Contains(line, secret) {
				t.Errorf("%s stands in the log: %s", what, line)
				break
			}
		}
	}
	if !strings.Contains(log, "request refused") || !strings.Contains(log, "upstream roundtrip") {
		t.Error("the log is not that of these requests, or not at every level")
	}
}

// What a client sends is never expanded as a placeholder (attack J1).
func TestClientsTextIsNoTemplate(t *testing.T) {
	s := open(t, config{Site: "auth_sidecar {\ncors https://shop.example.com\n}\nauth_require /admin* user\n" + mayJoin + "reverse_proxy {backend}"})
	file := s.home + "/secret"
	if err := os.WriteFile(file, []byte("content-of-the-file"), 0o600); err != nil {
		t.Fatal(err)
	}
	templates := []string{"{env.TEST_JWT_SECRET}", "{$TEST_JWT_SECRET}", "{env.HOME}", "{file." + file + "}", "{http.vars.auth_sidecar}", "{http.auth.user.id}", "{system.hostname}"}
	check := func(what, text string) {
		t.Helper()
		for _, secret := range []string{jwtSecret, "content-of-the-file"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s was expanded: %s", what, text)
			}
		}
	}
	for _, template := range templates {
		got := s.send(t, "GET", "/store/x?q="+template, "", "X-Note", template, "User-Agent", template, "Cookie", "a="+template).seen(t)
		for what, value := range map[string]string{
			"field": got.Header.Get("X-Note"), "user agent": got.Header.Get("User-Agent"), "cookie": strings.TrimPrefix(got.Header.Get("Cookie"), "a="),
		} {
			if value != template {
				t.Errorf("%s %s became %s", what, template, value)
			}
		}
		for _, target := range []string{"/store/" + template, "/auth/" + template + "/emailpass", "/auth/customer/" + template, "/admin/" + template} {
			for _, header := range [][]string{nil, {"Authorization", "Bearer " + template}, {"Cookie", "connect.sid=" + template}, {"Origin", template}} {
				r := s.raw(t, "GET", "GET "+target+" HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n"+rawHeader(header)+"\r\n")
				check("path "+target, r.body+fmt.Sprint(r.Header))
			}
		}
		for _, route := range []string{"/auth/customer/emailpass/register", "/auth/customer/emailpass", "/auth/customer/emailpass/reset-password"} {
			r := s.send(t, "POST", route, fmt.Sprintf(`{"email":%q,"password":%q,"identifier":%q}`, template+"@example.com", template, template))
			check("body of "+route, r.body+fmt.Sprint(r.Header))
			if r.StatusCode == http.StatusOK {
				var body struct{ Token string }
				if err := json.Unmarshal([]byte(r.body), &body); err != nil {
					t.Fatal(err)
				}
				check("token", fmt.Sprint(verified(t, body.Token)))
			}
		}
	}
	check("log", s.log())
}

func rawHeader(pairs []string) string {
	var text strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		text.WriteString(pairs[i] + ": " + pairs[i+1] + "\r\n")
	}
	return text.String()
}
