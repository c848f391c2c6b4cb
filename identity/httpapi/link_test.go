package httpapi_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	otherPerson  = `{"type":"unauthorized","message":"Log in again to link an account"}`
	tooOld       = `{"type":"unauthorized","message":"Log in again: the last login must be younger than ten minutes"}`
	linkRefused  = `{"type":"invalid_data","message":"link must be true, in a POST request"}`
	crossOrigin  = `{"type":"forbidden","message":"Cross-origin request refused"}`
	removed      = `{"success":true,"token":"`
	removedAlone = `{"success":true}`
)

func TestLinkByBearer(t *testing.T) {
	t.Parallel()
	s := newShop(t, withLinks)
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	id := s.claims(raw).IdentityID
	linked := s.claims(s.linked("ann", "Authorization", bearer(raw)))
	if linked.IdentityID != id || linked.ActorID != "cus_1" || linked.Provider != "google" {
		t.Errorf("got %+v", linked)
	}
	state, _ := s.begin(post(googlePath, `{}`))
	came := s.token(s.mustDo(200, request{"GET", callbackPath + back(state, "ann"), "", nil}))
	if c := s.claims(came); c.IdentityID != id {
		t.Errorf("got %+v", c)
	}

	res := s.mustDo(200, request{"DELETE", googlePath, "", headers("Authorization", bearer(raw))})
	fresh, ok := strings.CutPrefix(res.body, removed)
	fresh, closed := strings.CutSuffix(fresh, `"}`)
	if !ok || !closed || res.header.Get("Set-Cookie") != "" || res.header.Get("Cache-Control") != "private, no-store" {
		t.Fatalf("got %s %v", res.body, res.header)
	}
	for _, old := range []string{raw, came} {
		s.mustDo(401, request{"POST", refreshPath, "", headers("Authorization", bearer(old))})
	}
	s.clock.Forward(time.Second)
	again := s.claims(s.token(s.mustDo(200, request{"POST", refreshPath, "", headers("Authorization", bearer(fresh))})))
	if again.IdentityID != id || again.ActorID != "cus_1" || again.Provider != "emailpass" {
		t.Errorf("got %+v", again)
	}
	// The new token is of the same login: the next account can be linked with it.
	s.linked("bob", "Authorization", bearer(fresh))
	if res := s.do(request{"DELETE", githubPath, "", headers("Authorization", bearer(fresh))}); res.status != 404 || res.body != `{"type":"not_found","message":"No github account is linked"}` {
		t.Errorf("got %d %s", res.status, res.body)
	}
}

// Whoever removes an account by cookie stays logged in, with another session.
func TestLinkBySession(t *testing.T) {
	t.Parallel()
	s := newShop(t, withLinks)
	cookie := s.login(s.customer("ann@example.com", "pass-1", "cus_1"))
	if c := s.claims(s.linked("ann", "Cookie", cookie)); c.ActorID != "cus_1" {
		t.Errorf("got %+v", c)
	}
	res := s.mustDo(200, request{"DELETE", googlePath, "", headers("Cookie", cookie)})
	renewed, _, _ := strings.Cut(res.header.Get("Set-Cookie"), ";")
	if !strings.HasPrefix(res.body, removed) || !strings.HasPrefix(renewed, "connect.sid=s%3A") || renewed == cookie {
		t.Fatalf("got %s %v", res.body, res.header)
	}
	s.mustDo(401, request{"POST", refreshPath, "", headers("Cookie", cookie)})
	s.clock.Forward(time.Second)
	if c := s.claims(s.token(s.mustDo(200, request{"POST", refreshPath, "", headers("Cookie", renewed)}))); c.ActorID != "cus_1" {
		t.Errorf("got %+v", c)
	}
	// It is of the same login. Who came by what is removed is logged out.
	s.linked("ann", "Cookie", renewed)
	res = s.mustDo(200, request{"DELETE", loginPath, "", headers("Cookie", renewed)})
	if res.body != removedAlone || res.header.Get("Set-Cookie") != cleared {
		t.Errorf("got %s %v", res.body, res.header)
	}
	s.mustDo(401, request{"POST", refreshPath, "", headers("Cookie", renewed)})
	s.mustDo(401, post(loginPath, credentials("ann@example.com", "pass-1")))
}

func TestLastProviderStays(t *testing.T) {
	t.Parallel()
	s := newShop(t, withLinks)
	cookie := s.login(s.customer("ann@example.com", "pass-1", "cus_1"))
	res := s.mustDo(400, request{"DELETE", loginPath, "", headers("Cookie", cookie)})
	if res.body != `{"type":"not_allowed","message":"The last way to log in cannot be removed"}` || res.header.Get("Set-Cookie") != "" {
		t.Errorf("got %s %v", res.body, res.header)
	}
	s.mustDo(200, request{"POST", refreshPath, "", headers("Cookie", cookie)})
}

// What becomes of the session when an account is removed: a store that fails
// then does not undo the removal.
func TestSessionAfterRemoval(t *testing.T) {
	t.Parallel()
	down := identity.Unavailable("store_down", context.DeadlineExceeded)
	for name, test := range map[string]struct {
		leaves         bool
		err            error
		body, cookie   string
		forget, warned string
	}{
		"stays":           {false, nil, `{"success":true,"token":"token"}`, "started", "old", ""},
		"leaves":          {true, nil, removedAlone, "cleared", "old", ""},
		"stays and fails": {false, down, `{"success":true,"token":"token"}`, "", "", "store_down"},
		"leaves, fails":   {true, down, removedAlone, "cleared", "", "store_down"},
	} {
		calls := &recorder{leaves: test.leaves}
		c := calls.config("")
		verifier := &fakeVerifier{}
		c.Sessions, c.Verifier = &fakeSessions{sid: "old", err: test.err}, verifier
		c.Recent = &failing{at: map[string]time.Time{"sid old customer": time.Now()}}
		h, log := logged(t, c)
		w := send(h, "DELETE", googlePath, "", "")
		if w.Code != 200 || w.Body.String() != test.body || w.Header().Get("Set-Cookie") != test.cookie || strings.Join(verifier.forgotten, ",") != test.forget {
			t.Errorf("%s: got %d %s %v, forgotten %q", name, w.Code, w.Body, w.Header(), verifier.forgotten)
		}
		if got := log.String(); (got == "") != (test.warned == "") || !strings.Contains(got, test.warned) {
			t.Errorf("%s: got log %s", name, got)
		}
		if got := calls.String(); got != "refresh; remove google" {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// Without third parties everything is as it was.
func TestNoLinks(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	res := s.do(request{"DELETE", googlePath, "", headers("Authorization", bearer(raw))})
	if res.status != 404 || res.body != notFoundBody {
		t.Errorf("got %d %s", res.status, res.body)
	}
	state, _ := s.begin(post(googlePath, `{"link":"no matter"}`, "Authorization", bearer(raw)))
	if c := s.claims(s.token(s.mustDo(200, request{"GET", callbackPath + back(state, "ann"), "", headers("Authorization", bearer(raw))}))); c.IdentityID == s.claims(raw).IdentityID {
		t.Error("linked")
	}
}

func TestLinkOptions(t *testing.T) {
	t.Parallel()
	s := newShop(t, withLinks)
	for path, want := range map[string]string{
		googlePath: "POST,GET,HEAD,DELETE", callbackPath: "GET,HEAD,POST", "/auth/session": "POST,DELETE", "/auth/customer/providers": "GET,HEAD,POST,DELETE",
	} {
		if res := s.mustDo(200, request{"OPTIONS", path, "", nil}); res.body != want || res.header.Get("Allow") != want {
			t.Errorf("%s: got %s %v", path, res.body, res.header)
		}
	}
	res := s.mustDo(204, request{"OPTIONS", googlePath, "", headers("Origin", storefront, "Access-Control-Request-Method", "DELETE")})
	if res.header.Get("Access-Control-Allow-Origin") != storefront || !strings.Contains(res.header.Get("Access-Control-Allow-Methods"), "DELETE") {
		t.Errorf("got %v", res.header)
	}
}
