package dialectv1_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/dialectv1"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// customerIn reads the customer or user of an answer.
func personIn(t *testing.T, member, body string) map[string]any {
	t.Helper()
	var people map[string]map[string]any
	must(t, json.Unmarshal([]byte(body), &people))
	if len(people) != 1 || people[member] == nil {
		t.Fatalf("got %s", body)
	}
	return people[member]
}

func TestRegister(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	r := s.mustSend(200, "POST", "/store/customers",
		`{"email":"Bob@Example.com","password":"B0bs-pass","first_name":"Bob","last_name":null,"phone":"+45 <1>"}`)
	c := personIn(t, "customer", r.body)
	id, _ := c["id"].(string)
	stamp := s.clock.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	want := `{"customer":{"id":"` + id + `","created_at":"` + stamp + `","updated_at":"` + stamp + `","deleted_at":null,"email":"bob@example.com",` +
		`"first_name":"Bob","last_name":null,"billing_address_id":null,"phone":"+45 <1>","has_account":true,"metadata":null,` +
		`"billing_address":null,"shipping_addresses":[]}}`
	if r.body != want || !strings.HasPrefix(id, "cus_") || len(id) != 30 {
		t.Errorf("got\n%s\nwant\n%s", r.body, want)
	}
	// They are logged in.
	shown := s.mustSend(200, "GET", "/store/auth", "", "Cookie", r.cookie())
	if got := personIn(t, "customer", shown.body); got["id"] != id || got["orders"] == nil || shown.header.Get("Set-Cookie") != "" {
		t.Errorf("got %s", shown.body)
	}
	const taken = `{"code":"invalid_request_error","type":"duplicate_error","message":"A customer with the given email already has an account. Log in instead"}`
	again := s.send("POST", "/store/customers", `{"email":"BOB@example.com","password":"B0bs-pass"}`)
	again.want(t, 422, taken)
	s.send("POST", "/store/customers", `{"email":"bob@example.com","password":"x"}`).want(t, 422, taken)
	if again.cookie() != "" {
		t.Errorf("a cookie for a duplicate: %s", again.cookie())
	}
	for body, message := range map[string]string{
		`{"email":"new@example.com","password":""}`:                                         "password should not be empty",
		`{"email":"new@example.com","password":"` + strings.Repeat("p", 1025) + `"}`:        "Password should be at most 1024 bytes long",
		`{"email":"a@b@example.com","password":"x"}`:                                        "email must be an email",
		`{"email":"new@example.com","password":1,"phone":2}`:                                "password must be a string, phone must be a string",
		`{"email":" new@example.com","password":"x"}`:                                       "email must be an email",
		`{"email":"new@example.com","password":"x","has_account":false,"metadata":{"a":1}}`: "property has_account should not exist, property metadata should not exist",
	} {
		r := s.send("POST", "/store/customers", body)
		r.want(t, 400, `{"type":"invalid_data","message":"`+message+`"}`)
		if r.cookie() != "" {
			t.Errorf("%s: a cookie", body)
		}
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.janeSignsUp()
	s.annIsStaff()
	for _, test := range []struct{ path, body, member, id string }{
		{"/store/auth", jane, "customer", "cus_"},
		{"/store/auth", `{"email":"JANE@Example.com","password":"Passw0rd!"}`, "customer", "cus_"},
		{"/admin/auth", ann, "user", "usr_1"},
		{"/STORE/Auth/", jane, "customer", "cus_"},
	} {
		r := s.mustSend(200, "POST", test.path, test.body)
		if id, _ := personIn(t, test.member, r.body)["id"].(string); !strings.HasPrefix(id, test.id) || r.header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: got %s", test.path, r.body)
		}
		if strings.Contains(r.body, "argon2") || strings.Contains(r.body, "password") {
			t.Errorf("a hash: %s", r.body)
		}
		if again := s.mustSend(200, "GET", strings.ToLower(test.path), "", "Cookie", r.cookie()); again.body != r.body {
			t.Errorf("%s: the session shows %s, the login %s", test.path, again.body, r.body)
		}
	}
	if user := s.mustSend(200, "POST", "/admin/auth", ann).body; !strings.Contains(user,
		`"deleted_at":null,"role":"member","email":"ann@example.com","first_name":null,"last_name":null,"api_token":null,"metadata":null}}`) {
		t.Errorf("got %s", user)
	}
}

// Whoever cannot log in learns nothing: not whether there is an account, nor on
// which side of the shop.
func TestLoginRefuses(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.janeSignsUp()
	s.annIsStaff()
	for _, path := range []string{"/store/auth", "/store/auth/token", "/admin/auth", "/admin/auth/token"} {
		other := ann
		if strings.HasPrefix(path, "/admin") {
			other = jane
		}
		var first response
		for n, body := range []string{
			`{"email":"jane@example.com","password":"wrong"}`, `{"email":"nobody@example.com","password":"wrong"}`, other,
			`{"email":"jane@example.com","password":"` + strings.Repeat("p", 2000) + `"}`,
		} {
			r := s.send("POST", path, body)
			r.want(t, 401, "Unauthorized")
			if r.header.Del("Date"); r.header.Get("Content-Type") != "text/plain; charset=utf-8" || r.cookie() != "" {
				t.Errorf("%s: %v", path, r.header)
			}
			if n == 0 {
				first = r
			}
			if len(r.header) != len(first.header) {
				t.Errorf("%s: %v and %v can be told apart", path, r.header, first.header)
			}
		}
	}
	// A password that is no text is wrong in the store and malformed at the admin.
	s.send("POST", "/store/auth", `{"email":"jane@example.com","password":{"$ne":null}}`).want(t, 401, "Unauthorized")
	s.send("POST", "/admin/auth", `{"email":"ann@example.com","password":1}`).want(t, 400, `{"type":"invalid_data","message":"password must be a string"}`)
}

func TestToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ttl      time.Duration
		lifetime map[string]float64
	}{
		"as Medusa's": {0, map[string]float64{"store": 2592000, "admin": 86400}},
		"configured":  {time.Hour, map[string]float64{"store": 3600, "admin": 3600}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, func(set *setup) { set.config.CustomerTTL, set.config.UserTTL = test.ttl, test.ttl })
			s.janeSignsUp()
			s.annIsStaff()
			for domain, body := range map[string]string{"store": jane, "admin": ann} {
				r := s.mustSend(200, "POST", "/"+domain+"/auth/token", body)
				if r.cookie() != "" {
					t.Error("a token is no session")
				}
				raw := accessToken(t, r)
				payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
				must(t, err)
				var claims map[string]any
				must(t, json.Unmarshal(payload, &claims))
				if len(claims) != 4 || claims["domain"] != domain || claims["exp"].(float64)-claims["iat"].(float64) != test.lifetime[domain] {
					t.Errorf("%s: %s", domain, payload)
				}
				for _, scheme := range []string{"Bearer ", "bearer ", "Bearer  "} {
					s.mustSend(200, "GET", "/"+domain+"/auth", "", "Authorization", scheme+raw)
				}
				for _, value := range []string{"JWT " + raw, raw, "Basic " + raw, "Bearer garbage", "Bearer " + raw + "x"} {
					wantGuarded(t, s.send("GET", "/"+domain+"/auth", "", "Authorization", value))
				}
				other := map[string]string{"store": "admin", "admin": "store"}[domain]
				wantGuarded(t, s.send("GET", "/"+other+"/auth", "", "Authorization", "Bearer "+raw))
				s.clock.Forward(time.Duration(test.lifetime[domain]) * time.Second)
				wantGuarded(t, s.send("GET", "/"+domain+"/auth", "", "Authorization", "Bearer "+raw))
			}
		})
	}
}

func accessToken(t *testing.T, r response) string {
	t.Helper()
	var body struct {
		Token string `json:"access_token"`
	}
	must(t, json.Unmarshal([]byte(r.body), &body))
	return body.Token
}

// wantGuarded checks the 401 in front of a route.
func wantGuarded(t *testing.T, r response) {
	t.Helper()
	r.want(t, 401, "Unauthorized")
	if r.header["Content-Type"] != nil || r.header.Get("Www-Authenticate") != "" || r.cookie() != "" {
		t.Errorf("headers %v", r.header)
	}
}

// F1: whatever session the browser brought, it is dead after the login.
func TestLoginEndsTheSessionBefore(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	planted := s.janeSignsUp()
	for _, path := range []string{"/store/auth", "/store/customers"} {
		body := jane
		if path == "/store/customers" {
			body = `{"email":"victim@example.com","password":"secret"}`
		}
		fresh := s.mustSend(200, "POST", path, body, "Cookie", planted).cookie()
		if fresh == planted || fresh == "" {
			t.Fatalf("the session goes on as %s", fresh)
		}
		wantGuarded(t, s.send("GET", "/store/auth", "", "Cookie", planted))
		s.mustSend(200, "GET", "/store/auth", "", "Cookie", fresh)
		planted = fresh
	}
	// An id that nobody made is not adopted.
	if got := s.mustSend(200, "POST", "/store/auth", jane, "Cookie", "connect.sid=s%3AAAAAAAAA.AAAA").cookie(); strings.Contains(got, "AAAAAAAA.") {
		t.Errorf("got %s", got)
	}
}

// Nobody is logged in over plain http when the cookie must be Secure.
func TestSecureCookieOverHTTP(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(set *setup) { set.sessions = session.Settings{Secure: session.SecureAlways} })
	if r := s.mustSend(200, "POST", "/store/customers", jane); r.cookie() != "" || !strings.Contains(s.log.String(), "plain http") {
		t.Errorf("got %v", r.header)
	}
	over := newShop(t, func(set *setup) {
		set.sessions = session.Settings{Secure: session.SecureAlways}
		set.config.HTTPS = forwardedHTTPS
	})
	if r := over.mustSend(200, "POST", "/store/customers", jane, "X-Forwarded-Proto", "https"); !strings.Contains(r.header.Get("Set-Cookie"), "; Secure") {
		t.Errorf("got %v", r.header)
	}
}

// A page of a foreign origin can start no session, nor end one.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	cookie := s.janeSignsUp()
	foreign := []string{"Origin", stranger, "Sec-Fetch-Site", "cross-site", "Cookie", cookie}
	const refused = `{"type":"forbidden","message":"Cross-origin request refused"}`
	s.send("POST", "/store/auth", jane, foreign...).want(t, 403, refused)
	s.send("POST", "/store/customers", ann, foreign...).want(t, 403, refused)
	s.send("DELETE", "/store/auth", "", foreign...).want(t, 403, refused)
	s.mustSend(200, "GET", "/store/auth", "", "Cookie", cookie)
	s.mustSend(200, "POST", "/store/auth", jane, "Origin", storefront, "Sec-Fetch-Site", "cross-site")
	s.mustSend(200, "DELETE", "/store/auth", "{}", "Origin", storefront, "Sec-Fetch-Site", "cross-site", "Cookie", cookie)
	wantGuarded(t, s.send("GET", "/store/auth", "", "Cookie", cookie))
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if _, err := dialectv1.New(dialectv1.Config{}); err == nil {
		t.Error("made of nothing")
	}
	s := newShop(t, nil)
	good := dialectv1.Config{Service: s.service, Tokens: s.ring.V1(), Sessions: s.sessions, Verifier: s.verifier}
	for _, change := range []func(*dialectv1.Config){
		func(c *dialectv1.Config) { c.MaxBody = -1 },
		func(c *dialectv1.Config) { c.UserTTL = -1 },
		func(c *dialectv1.Config) { c.CustomerTTL = -1 },
		func(c *dialectv1.Config) { c.Tokens = nil },
	} {
		c := good
		change(&c)
		if _, err := dialectv1.New(c); err == nil {
			t.Errorf("accepted %+v", c)
		}
	}
	if _, err := dialectv1.New(good); err != nil {
		t.Error(err)
	}
}

var _ dialectv1.Service = (*identity.Service)(nil)
