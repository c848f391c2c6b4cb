package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
)

const echoed = "content-type,authorization,x-publishable-api-key"

// TestCORS repeats the recorded exchanges of that name.
func TestCORS(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.register("cors@example.com", "x")
	none := headers()
	preflight := headers("Access-Control-Allow-Credentials", "true", "Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE",
		"Vary", "Origin, Access-Control-Request-Headers", "Content-Type", "", "Cache-Control", "")
	other := headers("Access-Control-Allow-Credentials", "true", "Vary", "Origin")
	shop := with(other, "Access-Control-Allow-Origin", storefront)
	options := headers("Allow", "POST,GET,HEAD", "Content-Type", "text/html; charset=utf-8", "Content-Length", "13")

	for name, test := range map[string]struct {
		request
		status int
		body   string // "*" is any
		want   map[string]string
	}{
		"preflight login, allowed origin": {
			request{"OPTIONS", loginPath, "", headers("Origin", storefront, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", echoed)},
			204, "", with(preflight, "Access-Control-Allow-Origin", storefront, "Access-Control-Allow-Headers", echoed),
		},
		"preflight login, other origin": {
			request{"OPTIONS", loginPath, "", headers("Origin", stranger, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")},
			204, "", with(preflight, "Access-Control-Allow-Headers", "content-type"),
		},
		"preflight session DELETE": {
			request{"OPTIONS", sessionPath, "", headers("Origin", storefront, "Access-Control-Request-Method", "DELETE")},
			204, "", with(preflight, "Access-Control-Allow-Origin", storefront),
		},
		"preflight with a cookie and a bearer": {
			request{"OPTIONS", sessionPath, "", headers("Origin", dashboard, "Access-Control-Request-Method", "POST", "Cookie", "connect.sid=x", "Authorization", "Bearer x")},
			204, "", with(preflight, "Access-Control-Allow-Origin", dashboard),
		},
		"preflight for a method that has no route":      {request{"OPTIONS", loginPath, "", headers("Origin", storefront, "Access-Control-Request-Method", "PUT")}, 200, "POST,GET,HEAD", options},
		"preflight for HEAD":                            {request{"OPTIONS", loginPath, "", headers("Origin", storefront, "Access-Control-Request-Method", "HEAD")}, 200, "POST,GET,HEAD", options},
		"preflight for a method in another case":        {request{"OPTIONS", loginPath, "", headers("Origin", storefront, "Access-Control-Request-Method", "post")}, 200, "POST,GET,HEAD", options},
		"OPTIONS without Access-Control-Request-Method": {request{"OPTIONS", loginPath, "", headers("Origin", storefront)}, 200, "POST,GET,HEAD", options},
		"OPTIONS without Origin":                        {request{"OPTIONS", loginPath, "", nil}, 200, "POST,GET,HEAD", options},
		"preflight for an unknown path":                 {request{"OPTIONS", "/auth/nothing", "", headers("Origin", storefront, "Access-Control-Request-Method", "POST")}, 404, notFoundBody, none},
		"preflight for a route that is not served":      {request{"OPTIONS", "/auth/mfa/recovery-codes", "", headers("Origin", storefront, "Access-Control-Request-Method", "POST")}, 200, "GET,HEAD", with(options, "Allow", "GET,HEAD", "Content-Length", "8")},

		"login with an allowed origin":        {post(loginPath, credentials("cors@example.com", "x"), "Origin", storefront), 200, "*", shop},
		"login with another origin":           {post(loginPath, credentials("cors@example.com", "x"), "Origin", stranger), 200, "*", other},
		"login with the origin null":          {post(loginPath, credentials("cors@example.com", "x"), "Origin", "null"), 200, "*", other},
		"login, no origin":                    {post(loginPath, credentials("cors@example.com", "x")), 200, "*", other},
		"failed login with an allowed origin": {post(loginPath, credentials("cors@example.com", "bad"), "Origin", storefront), 401, "*", shop},
		// Other than Medusa, whose page could not read why.
		"invalid JSON with an allowed origin": {post(loginPath, "{", "Origin", storefront), 400, "*", shop},
		"too large with an allowed origin":    {post(loginPath, strings.Repeat(" ", 70000), "Origin", storefront), 413, "*", shop},
		"HEAD with an allowed origin":         {request{"HEAD", loginPath, "", headers("Origin", storefront)}, 401, "", none},
		"404 with an allowed origin":          {request{"GET", "/auth/x/y/z/w", "", headers("Origin", storefront)}, 404, notFoundBody, none},
	} {
		res := s.do(test.request)
		if res.status != test.status || test.body != "*" && res.body != test.body {
			t.Errorf("%s: got %d %s", name, res.status, res.body)
		}
		for _, field := range []string{
			"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods",
			"Access-Control-Allow-Headers", "Access-Control-Max-Age", "Vary", "Allow",
		} {
			if got := strings.Join(res.header[field], "|"); got != test.want[field] {
				t.Errorf("%s: got %s %q, want %q", name, field, got, test.want[field])
			}
		}
		for field, want := range test.want {
			if got := res.header.Get(field); got != want {
				t.Errorf("%s: got %s %q, want %q", name, field, got, want)
			}
		}
		if res.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: got a cookie", name)
		}
	}
}

// TestTwoOriginFields: an origin that is not one value is no origin.
func TestTwoOriginFields(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/auth/user/providers", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["Origin"] = []string{storefront, stranger}
	res, err := s.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := res.Header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("got %s", got)
	}
}

// TestCrossSiteWithCookie: what a session authenticates is refused to pages of
// foreign origins, and nothing happens.
func TestCrossSiteWithCookie(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	raw := s.customer("csrf@example.com", "pass-1", "cus_1")
	cookie := s.login(raw)
	const refused = `{"type":"forbidden","message":"Cross-origin request refused"}`
	for name, test := range map[string]struct {
		header map[string]string
		passes bool
	}{
		"cross-site form":              {headers("Sec-Fetch-Site", "cross-site", "Origin", stranger, "Content-Type", "text/plain"), false},
		"cross-site, no origin told":   {headers("Sec-Fetch-Site", "cross-site"), false},
		"same-site, other host":        {headers("Sec-Fetch-Site", "same-site", "Origin", "http://blog.localhost"), false},
		"old browser":                  {headers("Origin", stranger), false},
		"sandboxed frame":              {headers("Origin", "null"), false},
		"sandboxed frame, new browser": {headers("Sec-Fetch-Site", "cross-site", "Origin", "null"), false},
		"multipart form":               {headers("Origin", stranger, "Content-Type", "multipart/form-data; boundary=x"), false},
		"method override":              {headers("Origin", stranger, "X-HTTP-Method-Override", "GET"), false},
		"the storefront":               {headers("Sec-Fetch-Site", "cross-site", "Origin", storefront), true},
		"the storefront, old browser":  {headers("Origin", dashboard), true},
		"own origin":                   {headers("Sec-Fetch-Site", "same-origin", "Origin", s.URL), true},
		"own origin, old browser":      {headers("Origin", s.URL), true},
		"typed by hand":                {headers("Sec-Fetch-Site", "none"), true},
		"no browser":                   {headers(), true},
	} {
		for _, q := range []request{{"POST", refreshPath, "", with(test.header, "Cookie", cookie)}, {"DELETE", sessionPath, "", with(test.header, "Cookie", cookie)}} {
			if test.passes && q.method == "DELETE" {
				continue // it would end the session for the other cases
			}
			res := s.do(q)
			if test.passes && res.status != 200 || !test.passes && (res.status != 403 || res.body != refused || res.header.Get("Set-Cookie") != "") {
				t.Errorf("%s: %s: got %d %s", name, q.method, res.status, res.body)
			}
		}
		// No page can make a browser send a bearer of its choice with a cookie of ours unasked.
		res := s.do(request{"POST", refreshPath, "", with(test.header, "Cookie", cookie, "Authorization", bearer(raw))})
		if res.status != 200 {
			t.Errorf("%s: with a bearer: got %d %s", name, res.status, res.body)
		}
	}
	res := s.mustDo(200, request{"DELETE", sessionPath, "", headers("Cookie", cookie, "Origin", storefront, "Sec-Fetch-Site", "cross-site")})
	if res.header.Get("Access-Control-Allow-Origin") != storefront {
		t.Errorf("got %v", res.header)
	}
	// The check comes after the credential: no session, no statement about it.
	if res := s.do(request{"DELETE", sessionPath, "", headers("Cookie", cookie, "Origin", stranger)}); res.status != 401 {
		t.Errorf("got %d %s", res.status, res.body)
	}
}

func TestCrossOriginCheck(t *testing.T) {
	t.Parallel()
	trusted, err := httpapi.ParseOrigins([]string{"https://shop.example.com", `/\.partner\.example$/`})
	if err != nil {
		t.Fatal(err)
	}
	for name, check := range map[string]*httpapi.CrossOrigin{
		"origins": httpapi.NewCrossOrigin(trusted), "none": httpapi.NewCrossOrigin(httpapi.Origins{}),
	} {
		for origin, want := range map[string]bool{
			"": true, "https://api.example.com": true, "https://shop.example.com": name == "origins", "https://a.partner.example": name == "origins",
			"https://shop.example.com.evil.example": false, "http://shop.example.com": false, "null": false, "https://evil.example": false,
		} {
			for method, safe := range map[string]bool{"GET": true, "HEAD": true, "OPTIONS": true, "POST": false, "DELETE": false, "PUT": false, "BREW": false} {
				r := httptest.NewRequest(method, "https://api.example.com/admin/orders", nil)
				if origin != "" {
					r.Header.Set("Origin", origin)
				}
				if err := check.Check(r); (err == nil) != (safe || want) {
					t.Errorf("%s: %s from %q: got %v", name, method, origin, err)
				}
			}
		}
	}
	twice := httptest.NewRequest(http.MethodPost, "https://api.example.com/admin/orders", nil)
	twice.Header["Origin"] = []string{"https://shop.example.com", "https://evil.example"}
	if httpapi.NewCrossOrigin(trusted).Check(twice) == nil {
		t.Error("two origins are no origin")
	}
}
