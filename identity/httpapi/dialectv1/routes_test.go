package dialectv1_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
)

func TestExists(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.janeSignsUp()
	s.annIsStaff()
	for path, want := range map[string]string{
		"/store/auth/jane@example.com": "true", "/store/auth/JANE@Example.com": "true", "/store/auth/jane%40example.com/": "true",
		"/store/auth/nobody@example.com": "false", "/store/auth/zzz": "false", "/store/auth/token": "false", "/store/auth/ann@example.com": "false",
	} {
		s.send("GET", path, "").want(t, 200, `{"exists":`+want+`}`)
	}
	s.send("GET", "/store/auth/a/b", "").want(t, 404, `{"type":"not_found","message":"There is no such route"}`)
	s.send("GET", "/admin/auth/ann@example.com", "").want(t, 404, `{"type":"not_found","message":"There is no such route"}`)
	off := newShop(t, func(set *setup) { set.config.NoExists = true })
	off.janeSignsUp()
	off.send("GET", "/store/auth/jane@example.com", "").want(t, 404, `{"type":"not_found","message":"There is no such route"}`)
	off.mustSend(401, "GET", "/store/auth", "")
}

// limitedTo gives the shop limits of which time gives nothing back while a test
// runs.
func limitedTo(set *setup) {
	set.rates = map[identity.Bucket]limit.Rate{
		identity.BucketExists: {Events: 20, Window: 100 * time.Hour}, identity.BucketExistsAll: {Events: 60, Window: 100 * time.Hour},
		identity.BucketLogin: {Events: 5, Window: 100 * time.Hour},
	}
}

// Nobody asks for a list of addresses; others are not kept from asking for theirs.
func TestExistsIsLimited(t *testing.T) {
	t.Parallel()
	s := newShop(t, limitedTo)
	ask := func(client string) int {
		return s.send("GET", "/store/auth/nobody@example.com", "", "Client", client).status
	}
	asked := 0
	for ask("192.0.2.1") == 200 {
		asked++
	}
	if asked != 20 {
		t.Errorf("%d questions at once", asked)
	}
	s.wantLimited(s.send("GET", "/store/auth/nobody@example.com", "", "Client", "::ffff:192.0.2.1"), 5*time.Hour)
	if ask("192.0.2.2") != 200 || ask("2001:db8::1") != 200 {
		t.Error("others are limited too")
	}
	for range 19 {
		ask("2001:db8::ffff") // of the same subscriber
	}
	if ask("2001:db8::2") != 429 || ask("2001:db8:0:1::1") != 200 {
		t.Error("a subscriber has 64 bits")
	}
	many := 0
	for ; many < 200; many++ {
		if ask("198.51.100."+strconv.Itoa(many)) != 200 {
			break
		}
	}
	if many != 60-20-1-20-1 { // what is refused to one takes nothing from all
		t.Errorf("%d clients more could ask", many)
	}
}

// wantLimited fails the test unless the answer is that of too many requests.
func (s *shop) wantLimited(r response, wait time.Duration) {
	s.t.Helper()
	r.want(s.t, 429, `{"type":"too_many_requests","message":"Too many requests"}`)
	seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
	if most := int(wait.Seconds()); err != nil || seconds > most || seconds < most-600 || r.header["Set-Cookie"] != nil {
		s.t.Errorf("headers %v", r.header)
	}
}

// A registration tells whether an address has an account, so it is one of the
// questions: whatever its answer, and before it.
func TestRegistrationsAreLimited(t *testing.T) {
	t.Parallel()
	s := newShop(t, limitedTo)
	s.janeSignsUp()
	register := func(client, name string) response {
		return s.send("POST", "/store/customers", `{"email":"`+name+`@example.com","password":"a guess"}`, "Client", client)
	}
	for n := range 10 {
		if r := register("192.0.2.1", "jane"+strconv.Itoa(n)); r.status != 200 {
			t.Fatalf("registration %d: %d %s", n, r.status, r.body)
		}
		if r := s.send("GET", "/store/auth/jane@example.com", "", "Client", "192.0.2.1"); r.status != 200 {
			t.Fatalf("question %d: %d %s", n, r.status, r.body)
		}
	}
	for _, name := range []string{"jane", "nobody"} {
		s.wantLimited(register("192.0.2.1", name), 5*time.Hour)
	}
	s.send("GET", "/store/auth/nobody@example.com", "", "Client", "192.0.2.2").want(t, 200, `{"exists":false}`)
	if r := register("192.0.2.2", "carol"); r.status != 200 {
		t.Errorf("another client: %d %s", r.status, r.body)
	}
}

// Who guesses hears the same of an account that is known and one that is not, by
// every route that takes a password.
func TestLoginsAreLimited(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"jane@example.com", "nobody@example.com"} {
		for _, path := range []string{"/store/auth", "/store/auth/token", "/admin/auth"} {
			s := newShop(t, limitedTo)
			s.janeSignsUp()
			body := `{"email":"` + address + `","password":"wrong"}`
			for n := range 5 {
				if r := s.send("POST", path, body, "Client", "192.0.2.1"); r.status != 401 {
					t.Errorf("%s, %s, guess %d: %d %s", path, address, n, r.status, r.body)
				}
			}
			s.wantLimited(s.send("POST", path, body, "Client", "192.0.2.1"), 20*time.Hour)
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	for origin, allowed := range map[string]bool{storefront: true, dashboard: true, stranger: false, "null": false, "": false} {
		for _, path := range []string{"/store/auth", "/admin/auth/token", "/store/customers", "/store/customers/password-reset", "/store/auth/a@b.co"} {
			r := s.send("OPTIONS", path, "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,idempotency-key")
			r.want(t, 204, "")
			if (r.header.Get("Access-Control-Allow-Origin") == origin && origin != "") != allowed || r.header.Get("Access-Control-Allow-Credentials") != "true" ||
				r.header.Get("Access-Control-Allow-Methods") != "GET,HEAD,PUT,PATCH,POST,DELETE" || r.header.Get("Access-Control-Allow-Headers") != "content-type,idempotency-key" ||
				r.header.Get("Vary") != "Origin, Access-Control-Request-Headers" || r.cookie() != "" {
				t.Errorf("%s %s: %v", origin, path, r.header)
			}
		}
		r := s.send("GET", "/store/auth", "", "Origin", origin)
		if (r.header.Get("Access-Control-Allow-Origin") != "") != allowed || r.header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%s: %v", origin, r.header)
		}
	}
}

// What is not for the dialect goes on as it came.
func TestNotOurs(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	for _, q := range [][2]string{
		{"GET", "/"}, {"GET", "/store/customers"}, {"GET", "/store/customers/me"}, {"POST", "/store/customers/me"}, {"DELETE", "/store/customers"},
		{"POST", "/store/authority"}, {"GET", "/admin/users"}, {"POST", "/admin/users"}, {"POST", "/admin/invites/accept"}, {"OPTIONS", "/store/customers"},
		{"POST", "/shop/store/auth"}, {"POST", "/store/customers/password-token/x"},
	} {
		s.send(q[0], q[1], "").want(t, 299, "")
	}
	s.send("POST", "/store/customers/me", jane).want(t, 299, jane)
	const noRoute = `{"type":"not_found","message":"There is no such route"}`
	for _, q := range [][2]string{
		{"PUT", "/store/auth"}, {"POST", "/store/auth/nope"}, {"PATCH", "/admin/auth"}, {"GET", "/admin/auth/token"}, {"GET", "/store/customers/password-token"},
		{"DELETE", "/admin/users/reset-password"}, {"POST", "/Store/Auth/Token/X"},
	} {
		s.send(q[0], q[1], "").want(t, 404, noRoute)
	}
}

// Both dialects: the newer one's POST /store/customers brings a bearer token or no
// password, and is for the backend.
func TestBothDialects(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(set *setup) { set.config.Both = true })
	s.mustSend(200, "POST", "/store/customers", jane)
	for name, test := range map[string]struct {
		body   string
		header []string
		status int
	}{
		"no password":                 {`{"email":"ann@example.com"}`, nil, 299},
		"no password, other members":  {`{"email":"ann@example.com","company_name":"x"}`, nil, 299},
		"a bearer":                    {`{"email":"ann@example.com"}`, []string{"Authorization", "Bearer x"}, 299},
		"a bearer and a password":     {jane, []string{"Authorization", "bearer x"}, 299},
		"none":                        {"", nil, 299},
		"a form":                      {"password=x", []string{"Content-Type", "application/x-www-form-urlencoded"}, 299},
		"a password that is null":     {`{"email":"x@example.com","password":null}`, nil, 400},
		"a password":                  {jane, nil, 422},
		"a password in disguise":      {`{"email":"jane@example.com","p\u0061ssword":"x"}`, nil, 422},
		"a password behind a charset": {jane, []string{"Content-Type", `application/json; charset=utf-16`}, 415},
		"a compressed password":       {jane, []string{"Content-Encoding", "gzip"}, 415},
		"malformed":                   {`{"email"`, nil, 400},
		"Basic":                       {jane, []string{"Authorization", "Basic x"}, 422},
	} {
		r := s.send("POST", "/store/customers/", test.body, test.header...)
		if r.status != test.status || r.status == 299 && r.body != test.body {
			t.Errorf("%s: got %d %s, want %d", name, r.status, r.body, test.status)
		}
	}
	preflight := []string{"Access-Control-Request-Method", "POST", "Origin"}
	s.mustSend(204, "OPTIONS", "/store/customers", "", append(preflight, storefront)...)
	s.mustSend(299, "OPTIONS", "/store/customers", "", append(preflight, stranger)...)
}

// In front of a Medusa v1 an API token of its own is for it to judge.
func TestAPIToken(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(set *setup) { set.config.Legacy = true })
	cookie := s.janeSignsUp()
	s.mustSend(299, "GET", "/admin/auth", "", "X-Medusa-Access-Token", "x")
	for _, header := range [][]string{{"Cookie", cookie}, {"Authorization", "Bearer x"}} {
		wantGuarded(t, s.send("GET", "/admin/auth", "", append(header, "X-Medusa-Access-Token", "x")...))
	}
	s.mustSend(401, "GET", "/store/auth", "", "X-Medusa-Access-Token", "x")
	s.mustSend(401, "DELETE", "/admin/auth", "", "X-Medusa-Access-Token", "x")
}
