package httpapi_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// checkNames wants the names in the path, as far as the realm has them.
func checkNames(t *testing.T, line, path string) {
	t.Helper()
	var got struct {
		Provider  string
		ActorType string `json:"actor_type"`
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	path, _, _ = strings.Cut(path, "?")
	names := strings.Split(path, "/")
	for i, known := range map[int][]string{2: {"customer", "user"}, 3: {"google", "github", "emailpass"}} {
		if !slices.Contains(known, names[i]) {
			names[i] = ""
		}
	}
	if got.ActorType != names[2] || got.Provider != names[3] {
		t.Errorf("%s: got %s", path, line)
	}
}

// What the operator has to mend is a warning that says how, whatever the client
// is told.
func TestRemedyLog(t *testing.T) {
	t.Parallel()
	s := newShop(t, withLinks)
	state, _ := s.begin(post(googlePath, `{}`))
	s.google.fails(&identity.Error{Code: identity.CodeUnauthorized, Reason: "client_refused", Message: "Could not exchange token, 401, Unauthorized", Err: errors.New("invalid_client")})
	before := s.log.String()
	res := s.do(request{"GET", callbackPath + back(state, "secret-code"), "", nil})
	if res.status != 401 || res.body != `{"type":"unauthorized","message":"Could not exchange token, 401, Unauthorized"}` {
		t.Errorf("got %d %s", res.status, res.body)
	}
	var line struct{ Level, Reason, Provider, Error, Remedy string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(s.log.String(), before)), &line); err != nil {
		t.Fatal(err)
	}
	if line.Level != "WARN" || line.Reason != "client_refused" || line.Provider != "google" || !strings.HasSuffix(line.Error, ": invalid_client") || !strings.Contains(line.Remedy, "client_secret") {
		t.Errorf("got %+v", line)
	}
}

// Every refusal on the way to a third party and back is one line with a reason,
// and without anything that the browser brought.
func TestThirdPartyLog(t *testing.T) {
	t.Parallel()
	s := newShop(t, withLinks)
	raw := s.customer("secret-mail@example.com", "pass-1", "cus_1")
	cookie := s.login(raw)
	s.linked("secret-linked", "Authorization", bearer(raw))
	other := s.customer("secret-other@example.com", "pass-1", "cus_2")
	unmarked := *s.claims(raw)
	unmarked.ExpiresAt--
	_, browser := s.begin(post(googlePath, `{}`))
	begin := func(body string, header ...string) string {
		state, _ := s.begin(post(googlePath, body, header...))
		return state
	}
	come := func(state string, header ...string) request {
		return request{"GET", callbackPath + back(state, "secret-code"), "", headers(header...)}
	}
	for _, test := range []struct {
		request
		status        int
		reason, route string
	}{
		{come("secret-state"), 401, "state_unknown", "GET /auth/{actor}/{provider}/callback"},
		{come(""), 401, "state_missing", "GET /auth/{actor}/{provider}/callback"},
		{request{"GET", callbackPath + "?state=secret-state", "", nil}, 401, "code_missing", "GET /auth/{actor}/{provider}/callback"},
		{request{"POST", callbackPath + "?error=secret-error&error_description=secret-text&error_uri=secret-uri", "", nil}, 401, "provider_error", "POST /auth/{actor}/{provider}/callback"},
		{request{"GET", googlePath + "?error=secret-error", "", nil}, 401, "provider_error", "GET /auth/{actor}/{provider}"},
		{come(begin(`{}`, "Cookie", browser)), 401, "browser_unknown", "GET /auth/{actor}/{provider}/callback"},
		{come(begin(`{}`), "Cookie", browser), 401, "browser_other", "GET /auth/{actor}/{provider}/callback"},
		{request{"GET", githubPath + "/callback" + back(begin(`{}`), "secret-code"), "", nil}, 401, "state_other_provider", "GET /auth/{actor}/{provider}/callback"},
		{come(begin(`{"link":true}`, "Authorization", bearer(raw)), "Authorization", bearer(other)), 401, "link_other_person", "GET /auth/{actor}/{provider}/callback"},
		{come(begin(`{"link":true}`, "Authorization", bearer(raw)), "Authorization", bearer(raw)), 400, "provider_linked", "GET /auth/{actor}/{provider}/callback"},
		{request{"GET", callbackPath + back(begin(`{"link":true}`, "Authorization", bearer(other)), "secret-linked"), "", headers("Authorization", bearer(other))}, 400, "provider_taken", "GET /auth/{actor}/{provider}/callback"},
		{post(googlePath, `{"callback_url":"https://secret.example/secret-"}`), 400, "callback_url_refused", "POST /auth/{actor}/{provider}"},
		{post(googlePath, `{"link":"secret-link"}`), 400, "link_invalid", "POST /auth/{actor}/{provider}"},
		{post(googlePath, `{"link":true}`), 401, "credential_missing", "POST /auth/{actor}/{provider}"},
		{post(googlePath, `{"link":true}`, "Cookie", cookie, "Origin", stranger), 403, "cross_origin", "POST /auth/{actor}/{provider}"},
		{post(googlePath, `{"link":true}`, "Authorization", bearer(s.mint(unmarked))), 401, "login_too_old", "POST /auth/{actor}/{provider}"},
		{request{"DELETE", "/auth/customer/secret-provider", "", headers("Authorization", bearer(raw))}, 404, "provider_not_linked", "DELETE /auth/{actor}/{provider}"},
		{request{"DELETE", "/auth/secret-actor/google", "", headers("Authorization", bearer(raw))}, 401, "actor_type_mismatch", "DELETE /auth/{actor}/{provider}"},
		{request{"DELETE", googlePath, "", nil}, 401, "credential_missing", "DELETE /auth/{actor}/{provider}"},
		{request{"DELETE", loginPath, "", headers("Authorization", bearer(other))}, 400, "provider_last", "DELETE /auth/{actor}/{provider}"},
	} {
		before := s.log.String()
		res := s.do(test.request)
		lines := strings.TrimPrefix(s.log.String(), before)
		if res.status != test.status {
			t.Errorf("%s %s: got %d %s", test.method, test.path, res.status, res.body)
		}
		checkLine(t, lines, test.reason, test.status, test.route)
		checkNames(t, lines, test.path)
	}

	state := begin(`{}`)
	before := s.log.String()
	s.google.fails(identity.Unavailable("provider_unreachable", nil))
	s.mustDo(503, come(state))
	s.google.fails(nil)
	s.clock.Forward(10 * time.Minute)
	s.mustDo(401, come(state))
	lines := strings.TrimPrefix(s.log.String(), before)
	dec := json.NewDecoder(strings.NewReader(lines))
	for _, want := range []string{"provider_unreachable", "state_unknown"} {
		var line struct{ Reason string }
		if err := dec.Decode(&line); err != nil || line.Reason != want && line.Reason != "state_expired" {
			t.Errorf("want %s: %v: %s", want, err, lines)
		}
	}
	if log := s.log.String(); strings.Contains(log, "secret") || strings.Contains(log, state) || strings.Contains(log, "idp.example") {
		t.Errorf("the log holds data: %s", log)
	}
}
