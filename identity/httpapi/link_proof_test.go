package httpapi_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// A text is no yes, and nothing is begun without one. (attacks.md D10)
func TestLinkMember(t *testing.T) {
	t.Parallel()
	s := newShop(t, withLinks)
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	for body, want := range map[string]string{
		`{}`: "", `{"link":false}`: "", `{"link":true}`: "", `{"Link":"x"}`: "",
		`{"link":null}`: linkRefused, `{"link":"true"}`: linkRefused, `{"link":1}`: linkRefused, `{"link":[true]}`: linkRefused, `{"link":{}}`: linkRefused,
	} {
		res := s.do(post(googlePath, body, "Authorization", bearer(raw)))
		if want == "" && (res.status != 200 || !strings.HasPrefix(res.body, `{"location":`)) || want != "" && (res.status != 400 || res.body != want) {
			t.Errorf("%s: got %d %s", body, res.status, res.body)
		}
	}
	for name, q := range map[string]request{
		"GET":  {"GET", googlePath, `{"link":true}`, headers("Content-Type", "application/json", "Authorization", bearer(raw))},
		"form": {"POST", googlePath, `link=true`, headers("Content-Type", "application/x-www-form-urlencoded", "Authorization", bearer(raw))},
	} {
		if res := s.do(q); res.status != 400 || res.body != linkRefused {
			t.Errorf("%s: got %d %s", name, res.status, res.body)
		}
	}
	if res := s.do(post(loginPath, `{"link":true}`, "Authorization", bearer(raw))); res.status != 400 || res.body != `{"type":"invalid_data","message":"emailpass accounts cannot be linked"}` {
		t.Errorf("emailpass: got %d %s", res.status, res.body)
	}
	if res := s.do(post("/auth/user/google", `{"link":true}`)); res.status != 400 || !strings.Contains(res.body, "is not allowed to use") {
		t.Errorf("policy first: got %d %s", res.status, res.body)
	}
}

// Whose account is linked or removed says a credential alone, of the actor type
// in the path, that holds now.
func TestLinkProof(t *testing.T) {
	t.Parallel()
	s := newShop(t, withLinks)
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	cookie := s.login(raw)
	s.linked("ann", "Authorization", bearer(raw))
	staff := s.token(s.mustDo(200, post("/auth/user/emailpass/register", credentials("staff@example.com", "pass-1"))))
	staff = s.token(s.mustDo(200, post("/auth/user/emailpass", credentials("staff@example.com", "pass-1"), "Authorization", bearer(staff))))
	gone := s.mint(identity.Claims{IdentityID: "authid_gone", Provider: "emailpass", ActorID: "cus_9"})
	expired := s.mint(identity.Claims{IdentityID: s.claims(raw).IdentityID, Provider: "emailpass", IssuedAt: 1, ExpiresAt: 2})
	cross := headers("Sec-Fetch-Site", "cross-site", "Origin", stranger)
	for name, test := range map[string]struct {
		header map[string]string
		status int
		body   string // of what is refused
	}{
		"nobody":                     {headers(), 401, unauthorizedBody},
		"another actor type":         {headers("Authorization", bearer(staff)), 401, unauthorizedBody},
		"a session of another":       {headers("Cookie", s.login(staff)), 401, unauthorizedBody},
		"an identity that is gone":   {headers("Authorization", bearer(gone)), 401, unauthorizedBody},
		"expired":                    {headers("Authorization", bearer(expired)), 401, unauthorizedBody},
		"no token":                   {headers("Authorization", "Bearer x"), 401, unauthorizedBody},
		"a foreign page":             {with(cross, "Cookie", cookie), 403, crossOrigin},
		"a bearer of a foreign page": {with(cross, "Authorization", bearer(raw)), 200, ""},
		"session and no token":       {headers("Cookie", cookie, "Authorization", "Bearer x"), 200, ""},
		"other session, good token":  {headers("Cookie", s.login(staff), "Authorization", bearer(raw)), 200, ""},
	} {
		res := s.do(request{"POST", googlePath, `{"link":true}`, with(test.header, "Content-Type", "application/json")})
		if res.status != test.status || test.body != "" && res.body != test.body {
			t.Errorf("link: %s: got %d %s", name, res.status, res.body)
		}
		if test.status == 200 {
			continue // one removal would end the others
		}
		res = s.do(request{"DELETE", googlePath, "", test.header})
		if res.status != test.status || res.body != test.body || res.header.Get("Set-Cookie") != "" {
			t.Errorf("remove: %s: got %d %s", name, res.status, res.body)
		}
	}
	// A revoked one, though the verifier may remember it as good.
	s.mustDo(200, request{"DELETE", googlePath, "", headers("Authorization", bearer(raw))})
	for _, header := range []map[string]string{headers("Authorization", bearer(raw)), headers("Cookie", cookie)} {
		s.mustDo(401, request{"DELETE", googlePath, "", header})
	}
}

// Whoever comes back from the third party must be the person who went there.
// (attacks.md D3, D11)
func TestLinkComesBack(t *testing.T) {
	t.Parallel()
	s := newShop(t, withLinks)
	raw := s.customer("ann@example.com", "pass-1", "cus_1")
	cookie := s.login(raw)
	other := s.customer("bob@example.com", "pass-1", "cus_2")
	own := headers("Cookie", cookie, "Sec-Fetch-Site", "cross-site", "Origin", storefront)
	for name, test := range map[string]struct {
		header map[string]string
		linked bool
	}{
		"by the same token":            {headers("Authorization", bearer(raw)), true},
		"by the session":               {headers("Cookie", cookie), true},
		"by a page of the shop":        {own, true},
		"by somebody else":             {headers("Authorization", bearer(other)), false},
		"by somebody else's session":   {headers("Cookie", s.login(other)), false},
		"by nobody":                    {nil, false},
		"by a foreign page":            {with(own, "Origin", stranger), false},
		"by a link on a foreign page":  {headers("Cookie", cookie, "Sec-Fetch-Site", "cross-site"), false},
		"by an image in a sandbox":     {with(own, "Origin", "null"), false},
		"by a foreign page, POST":      {with(own, "Origin", stranger), false},
		"by nobody, with another name": {headers("Authorization", "Bearer x"), false},
	} {
		method := "GET"
		if strings.HasSuffix(name, "POST") {
			method = "POST"
		}
		state, _ := s.begin(post(googlePath, `{"link":true}`, "Authorization", bearer(raw)))
		res := s.do(request{method, callbackPath + back(state, "ann"), "", test.header})
		if test.linked && res.status != 200 || !test.linked && (res.status != 401 || res.body != otherPerson) {
			t.Errorf("%s: got %d %s", name, res.status, res.body)
		}
	}
	if res := s.do(post("/auth/customer/google", `{"link":true}`, "Authorization", bearer(other))); res.status != 200 {
		t.Fatalf("got %d %s", res.status, res.body)
	}
	state, _ := s.begin(post(googlePath, `{"link":true}`, "Authorization", bearer(other)))
	res := s.do(request{"GET", callbackPath + back(state, "ann"), "", headers("Authorization", bearer(other))})
	if res.status != 400 || res.body != `{"type":"not_allowed","message":"The google account belongs to another identity"}` {
		t.Errorf("got %d %s", res.status, res.body)
	}
}

// While it is unknown who somebody is, nothing is begun, linked or removed.
func TestPersonUnknown(t *testing.T) {
	t.Parallel()
	down := identity.Unavailable("store_down", context.DeadlineExceeded)
	for name, sid := range map[string]string{"session": "old", "bearer": ""} {
		for _, q := range []request{post(googlePath, `{"link":true}`), {"DELETE", googlePath, "", nil}} {
			calls := &recorder{refusal: down}
			c := calls.config("")
			c.Sessions = &fakeSessions{sid: sid}
			c.Recent = &failing{at: map[string]time.Time{"sid old customer": time.Now(), "x": time.Now()}}
			h, _ := logged(t, c)
			r := httptest.NewRequest(q.method, q.path, strings.NewReader(q.body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer x")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 503 || w.Header().Get("Set-Cookie") != "" || calls.String() != "refresh" {
				t.Errorf("%s, %s: got %d %s, asked for %s", name, q.method, w.Code, w.Body, calls)
			}
		}
	}
}
