package dialectv1_test

import (
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/dialectv1"
)

func TestBodies(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	s.janeSignsUp()
	const none = `{"type":"invalid_data","message":"email must be an email, password should not be empty"}`
	const malformed = `{"type":"invalid_data","message":"The request body is not valid JSON"}`
	const notAnObject = `{"type":"invalid_data","message":"an unknown value was passed to the validate function"}`
	for name, test := range map[string]struct {
		body   string
		header []string
		status int
		want   string
	}{
		"none":                   {"", nil, 400, none},
		"empty object":           {"{}", nil, 400, none},
		"malformed":              {"{bad", nil, 400, malformed},
		"cut":                    {jane[:len(jane)-1], nil, 400, malformed},
		"two values":             {jane + jane, nil, 400, malformed},
		"a text":                 {`"abc"`, nil, 400, malformed},
		"null":                   {"null", nil, 400, malformed},
		"white space":            {"  ", nil, 400, malformed},
		"an array":               {"[]", nil, 400, notAnObject},
		"an array of one":        {"[" + jane + "]", nil, 400, notAnObject},
		"not UTF-8":              {`{"email":"` + "\xff" + `"}`, nil, 400, `{"type":"invalid_data","message":"Invalid UTF-8 in request body"}`},
		"a byte order mark":      {"\ufeff" + jane, nil, 200, ""},
		"white space around":     {" \r\n" + jane + "\t", nil, 200, ""},
		"a form":                 {"email=jane%40example.com&password=Passw0rd%21", []string{"Content-Type", "application/x-www-form-urlencoded"}, 400, none},
		"another JSON":           {jane, []string{"Content-Type", "application/vnd.api+json"}, 400, none},
		"a simple text":          {jane, []string{"Content-Type", "text/plain"}, 400, none},
		"no type":                {jane, []string{"Content-Type", ""}, 400, none},
		"charset":                {jane, []string{"Content-Type", "application/json; charset=UTF-8"}, 200, ""},
		"another charset":        {jane, []string{"Content-Type", "application/json; charset=iso-8859-1"}, 415, `{"type":"invalid_data","message":"unsupported charset"}`},
		"UTF-16":                 {jane, []string{"Content-Type", "application/json; charset=utf-16"}, 415, `{"type":"invalid_data","message":"unsupported charset"}`},
		"compressed":             {jane, []string{"Content-Encoding", "gzip"}, 415, `{"type":"invalid_data","message":"unsupported content encoding"}`},
		"unknown members":        {`{"email":"x","foo":1,"bar":2,"foo":3}`, nil, 400, `{"type":"invalid_data","message":"property foo should not exist, property bar should not exist, email must be an email, password should not be empty"}`},
		"prototype":              {`{"__proto__":{"a":1},"email":"jane@example.com","password":"x"}`, nil, 400, `{"type":"invalid_data","message":"property __proto__ should not exist"}`},
		"other case":             {`{"Email":"jane@example.com","password":"Passw0rd!"}`, nil, 400, `{"type":"invalid_data","message":"property Email should not exist, email must be an email"}`},
		"the last member counts": {`{"email":"x@example.com","password":"no","email":"jane@example.com","password":"Passw0rd!"}`, nil, 200, ""},
		"a list of addresses":    {`{"email":["jane@example.com"],"password":"x"}`, nil, 400, `{"type":"invalid_data","message":"email must be an email"}`},
		"too large":              {`{"pad":"` + strings.Repeat("p", 64<<10) + `"}`, nil, 413, `{"type":"invalid_data","message":"request entity too large"}`},
		"a long name":            {`{"` + strings.Repeat("é", 60) + `":1,"email":"jane@example.com","password":"x"}`, nil, 400, `{"type":"invalid_data","message":"property ` + strings.Repeat("é", 32) + `… should not exist"}`},
	} {
		r := s.send("POST", "/store/auth", test.body, test.header...)
		if r.status != test.status || test.want != "" && r.body != test.want {
			t.Errorf("%s: got %d %s, want %d %s", name, r.status, r.body, test.status, test.want)
		}
		if r.header.Get("Access-Control-Allow-Credentials") != "true" || r.header.Get("Vary") != "Origin" {
			t.Errorf("%s: no CORS headers", name)
		}
	}
}

// TestMissing: what each route says of an empty body (reference medusa-v1, section 2).
func TestMissing(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	for path, message := range map[string]string{
		"/store/auth":                     "email must be an email, password should not be empty",
		"/store/auth/token":               "email must be an email, password should not be empty",
		"/admin/auth":                     "email should not be empty, email must be an email, password should not be empty, password must be a string",
		"/admin/auth/token":               "email should not be empty, email must be an email, password should not be empty, password must be a string",
		"/store/customers":                "email must be an email, password must be a string",
		"/store/customers/password-token": "email must be an email",
		"/admin/users/password-token":     "email must be an email",
		"/store/customers/password-reset": "email must be an email, token must be a string, password must be a string",
		"/admin/users/reset-password":     "token must be a string, password must be a string",
	} {
		s.send("POST", path, "{}").want(t, 400, `{"type":"invalid_data","message":"`+message+`"}`)
	}
}

func TestPlausible(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"jane@example.com": true, "a.b+c@x-y.example.co": true, "käthe@bücher.example": true, "o'neil@example.com": true, "a@b.xn--p1ai": true,
		"": false, "@": false, "a@": false, "@b.co": false, "jane": false, "jane@localhost": false, "jane@127.0.0.1": false, "jane@example.c": false,
		"jane..doe@example.com": false, ".jane@example.com": false, "jane@example..com": false, "jane@-example.com": false, "jane@example-.com": false,
		" jane@example.com": false, "jane@example.com ": false, "Jane <jane@example.com>": false, `"j d"@example.com`: false, "a@b@example.com": false,
		"jane@exa_mple.com": false, "jane@example.com\n": false, "\x00@example.com": false, "jane@\xff.com": false,
		strings.Repeat("a", 65) + "@example.com": false, "a@" + strings.Repeat("b", 64) + ".com": false, "jane@example.c0m": false,
	} {
		if got := dialectv1.Plausible(address); got != want {
			t.Errorf("%q: got %t", address, got)
		}
	}
}
