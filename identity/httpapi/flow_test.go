package httpapi_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSignUp goes the way of a new customer, and looks at every token.
func TestSignUp(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	first := s.claims(s.register("Jane@Example.com", "pass-1"))
	if first.ActorID != "" || first.ActorType != "customer" || first.Provider != "emailpass" || first.ExpiresAt-first.IssuedAt != 86400 {
		t.Errorf("got %+v", first)
	}
	again := s.claims(s.register("Jane@Example.com", "pass-1"))
	if again.IdentityID != first.IdentityID {
		t.Errorf("got identity %s at the second registration, want %s", again.IdentityID, first.IdentityID)
	}
	if err := s.service.Link(t.Context(), first.IdentityID, "customer", "cus_1"); err != nil {
		t.Fatal(err)
	}
	raw := s.mint(*first)
	refreshed := s.claims(s.token(s.mustDo(200, post(refreshPath, `{"actor_id":"cus_2"}`, "Authorization", bearer(raw)))))
	if refreshed.ActorID != "cus_1" || string(refreshed.AppMetadata["customer_id"]) != `"cus_1"` {
		t.Errorf("got %+v", refreshed)
	}
	for name, q := range map[string]request{
		"JSON":               post(loginPath, credentials("Jane@Example.com", "pass-1")),
		"JSON by GET":        {"GET", loginPath, credentials("Jane@Example.com", "pass-1"), headers("Content-Type", "application/json")},
		"JSON with charset":  {"POST", loginPath, credentials("Jane@Example.com", "pass-1"), headers("Content-Type", "Application/JSON; charset=UTF-8")},
		"byte order mark":    post(loginPath, "\ufeff"+credentials("Jane@Example.com", "pass-1")),
		"identity encoding":  post(loginPath, credentials("Jane@Example.com", "pass-1"), "Content-Encoding", "Identity"),
		"escapes":            post(loginPath, `{"email":"\u004aane\u0040Example.com","password":"pass\u002d1"}`),
		"form":               {"POST", loginPath, "email=Jane%40Example.com&password=pass-1", headers("Content-Type", "application/x-www-form-urlencoded")},
		"trailing slash":     post(loginPath+"/", credentials("Jane@Example.com", "pass-1")),
		"case of literals":   post("/AUTH/customer/emailpass", credentials("Jane@Example.com", "pass-1")),
		"encoded segment":    post("/auth/customer/email%70ass", credentials("Jane@Example.com", "pass-1")),
		"other credentials":  post(loginPath, credentials("Jane@Example.com", "pass-1"), "Authorization", "Bearer garbage", "Cookie", "connect.sid=x"),
		"duplicate member":   post(loginPath, `{"password":"x","email":"Jane@Example.com","password":"pass-1"}`),
		"unrelated members":  post(loginPath, `{"email":"Jane@Example.com","password":"pass-1","app_metadata":{"user_id":"u"},"actor_id":"x","n":1e999}`),
		"refused by no page": post(loginPath, credentials("Jane@Example.com", "pass-1"), "Origin", stranger, "Sec-Fetch-Site", "cross-site"),
	} {
		if got := s.claims(s.token(s.mustDo(200, q))); got.ActorID != "cus_1" || got.IdentityID != first.IdentityID {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	// The same person as another kind of actor, not yet linked.
	staff := s.claims(s.token(s.mustDo(200, post("/auth/user/emailpass", credentials("Jane@Example.com", "pass-1")))))
	if staff.ActorID != "" || staff.ActorType != "user" || string(staff.AppMetadata["customer_id"]) != `"cus_1"` {
		t.Errorf("got %+v", staff)
	}
}

func TestRedirectProvider(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	for _, method := range []string{"GET", "POST"} {
		state, _ := s.begin(request{method, "/auth/customer/google?callback_url=https%3A%2F%2Fevil.example", "", nil})
		raw := s.token(s.mustDo(200, request{method, callbackPath + back(state, method) + "&code=2", "", nil}))
		if c := s.claims(raw); c.Provider != "google" || string(c.UserMetadata) != `{"name":"<b>"}` {
			t.Errorf("%s: got %+v", method, c)
		}
		res := s.mustDo(200, request{"POST", sessionPath, "", headers("Authorization", bearer(raw))})
		if !strings.Contains(res.body, `"user_metadata":{"name":"<b>"},"iat":`) {
			t.Errorf("%s: got %s", method, res.body)
		}
	}
}

func TestPasswordReset(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	old := s.customer("reset@example.com", "old-pass", "cus_1")
	s.register("other@example.com", "other-pass")

	for name, q := range map[string]request{
		"known":    post(resetPath, `{"identifier":"reset@example.com","metadata":{"b":"<&>","a":[1e3,{"c":null}],"__proto__":{"d":1}}}`),
		"unknown":  post(resetPath, `{"identifier":"nobody@example.com"}`),
		"empty":    post(resetPath, `{"identifier":""}`),
		"form":     {"POST", resetPath, "identifier=reset%40example.com&metadata[a]=b", headers("Content-Type", "application/x-www-form-urlencoded")},
		"redirect": post("/auth/customer/google/reset-password", `{"identifier":"1234"}`),
	} {
		res := s.mustDo(201, q)
		if res.body != "Created" || res.header.Get("Content-Type") != "text/plain; charset=utf-8" || res.header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s: got %q %v", name, res.body, res.header)
		}
		request, _ := s.resets.last()
		want := map[string]string{"known": `{"a":[1e3,{"c":null}],"b":"<&>"}`, "form": `{"a":"b"}`}[name]
		if string(request.Metadata) != want {
			t.Errorf("%s: got metadata %s, want %s", name, request.Metadata, want)
		}
	}

	superseded := s.resetToken("reset@example.com")
	s.clock.Forward(2 * time.Minute) // until then it is protected
	token := s.resetToken("reset@example.com")
	if res := s.do(post(updatePath, `{"password":"x"}`, "Authorization", bearer(superseded))); res.status != 401 || res.body != invalidToken {
		t.Errorf("superseded token: got %d %s", res.status, res.body)
	}
	// A syntax error leaves the token as it is.
	s.mustDo(400, post(updatePath, `{`, "Authorization", bearer(token)))
	// Whose password it is says the token alone.
	res := s.mustDo(200, post(updatePath, `{"email":"other@example.com","entity_id":"other@example.com","password":"new-pass"}`, "Authorization", bearer(token)))
	if res.body != `{"success":true}` || res.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("got %s %v", res.body, res.header)
	}
	s.mustDo(401, post(loginPath, credentials("reset@example.com", "old-pass")))
	s.mustDo(200, post(loginPath, credentials("reset@example.com", "new-pass")))
	s.mustDo(200, post(loginPath, credentials("other@example.com", "other-pass")))
	for name, q := range map[string]request{
		"used token": post(updatePath, `{"password":"x"}`, "Authorization", bearer(token)),
	} {
		if res := s.do(q); res.status != 401 || res.body != invalidToken {
			t.Errorf("%s: got %d %s", name, res.status, res.body)
		}
	}
	// The change ended everything issued before.
	for _, path := range []string{refreshPath, sessionPath} {
		s.clock.Forward(2 * time.Second) // past the verifier's memory
		if res := s.do(request{"POST", path, "", headers("Authorization", bearer(old))}); res.status != 401 || res.body != unauthorizedBody {
			t.Errorf("%s with an old token: got %d %s", path, res.status, res.body)
		}
	}

	// A body without password burns the token.
	token = s.resetToken("reset@example.com")
	for i, want := range []string{`{"type":"unauthorized","message":"Unauthorized"}`, invalidToken} {
		body := `{"password":5}`
		if i == 1 {
			body = `{"password":"newer-pass"}`
		}
		if res := s.do(post(updatePath, body, "Authorization", bearer(token))); res.status != 401 || res.body != want {
			t.Errorf("got %d %s, want %s", res.status, res.body, want)
		}
	}
}

// TestResetOnce: of many parallel uses of one token one succeeds.
func TestResetOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.register("once@example.com", "old-pass")
	token := s.resetToken("once@example.com")
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		count = map[int]int{}
	)
	for i := range 20 {
		wg.Go(func() {
			res, err := s.send(post(updatePath, fmt.Sprintf(`{"password":"new-%d"}`, i), "Authorization", bearer(token)))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			count[res.status]++
		})
	}
	wg.Wait()
	// Whoever the bounded queue of hashes turned away was told 503.
	if count[200] != 1 || count[200]+count[401]+count[503] != 20 {
		t.Errorf("got %v", count)
	}
}

// TestNobodyIsTold: what an address is to the shop shows in no part of an answer.
func TestNobodyIsTold(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.customer("known@example.com", "pass-1", "cus_1")
	for name, answers := range map[string][2]request{
		"login": {post(loginPath, credentials("known@example.com", "wrong")), post(loginPath, credentials("unknown@example.com", "wrong"))},
		"reset": {post(resetPath, `{"identifier":"known@example.com"}`), post(resetPath, `{"identifier":"unknown@example.com"}`)},
	} {
		known, unknown := s.do(answers[0]), s.do(answers[1])
		known.header.Del("Date")
		unknown.header.Del("Date")
		if !reflect.DeepEqual(known, unknown) {
			t.Errorf("%s: got %+v for a known address, %+v for an unknown one", name, known, unknown)
		}
	}
}

func TestProviders(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	const (
		customer = `{"providers":[{"id":"github","identifier":"github","display_name":"Github Authentication","flow":"redirect"},` +
			`{"id":"google","identifier":"google","display_name":"Google Authentication","flow":"redirect"},` +
			`{"id":"emailpass","identifier":"emailpass","display_name":"Email/Password Authentication","flow":"credentials"}]}`
		user    = `{"providers":[{"id":"emailpass","identifier":"emailpass","display_name":"Email/Password Authentication","flow":"credentials"}]}`
		userTag = `W/"7f-5nKqwZxvpY4IBPQK0puLGfMuYww"` // as recorded
		tag     = `W/"13d-SuSVU2RRxt8JYoT54DEbosnp9qM"`
	)
	for path, want := range map[string][2]string{
		"/auth/customer/providers": {customer, tag}, "/auth/user/providers/": {user, userTag}, "/auth/user/%70Roviders": {user, userTag},
		"/auth/nobody/providers": {`{"providers":[]}`, `W/"10-FtDQF652fplKKmyd8iZ5KJdrbTQ"`},
	} {
		res := s.mustDo(200, request{"GET", path, "", nil})
		if res.body != want[0] || res.header.Get("Cache-Control") != "" || !json.Valid([]byte(res.body)) {
			t.Errorf("%s: got %s %v", path, res.body, res.header)
		}
		if got := res.header.Get("Etag"); got != want[1] {
			t.Errorf("%s: got ETag %s, want %s", path, got, want[1])
		}
	}
	for name, test := range map[string]struct {
		header map[string]string
		status int
	}{
		"the same":             {headers("If-None-Match", tag), 304},
		"strong form of it":    {headers("If-None-Match", strings.TrimPrefix(tag, "W/")), 304},
		"one of several":       {headers("If-None-Match", `"x", `+tag), 304},
		"any":                  {headers("If-None-Match", "*"), 304},
		"another":              {headers("If-None-Match", userTag), 200},
		"no cache wanted":      {headers("If-None-Match", tag, "Cache-Control", "max-age=0, no-cache"), 200},
		"from another origin":  {headers("If-None-Match", tag, "Origin", stranger), 304},
		"from the storefront":  {headers("If-None-Match", tag, "Origin", storefront), 304},
		"with a credential":    {headers("Authorization", "Bearer x", "Cookie", "connect.sid=x"), 200},
		"with a foreign media": {headers("Accept", "text/html"), 200},
	} {
		res := s.mustDo(test.status, request{"GET", "/auth/customer/providers", "", test.header})
		if test.status == 304 && (res.body != "" || res.header.Get("Etag") != tag || res.header.Get("Content-Type") != "" || res.header.Get("Vary") != "Origin") {
			t.Errorf("%s: got %q %v", name, res.body, res.header)
		}
	}
	res := s.mustDo(200, request{"HEAD", "/auth/customer/providers", "", nil})
	if res.body != "" || res.header.Get("Content-Length") != "317" || res.header.Get("Etag") != tag {
		t.Errorf("HEAD: got %q %v", res.body, res.header)
	}
}
