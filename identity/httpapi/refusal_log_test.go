package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

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
	}

	state := begin(`{}`)
	before := s.log.String()
	s.google.fails(identity.Unavailable("provider_unreachable", nil))
	s.mustDo(503, come(state))
	s.google.fails(nil)
	s.clock.Advance(10 * time.Minute)
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
