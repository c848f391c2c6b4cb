package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const formMedia = "application/x-www-form-urlencoded"

func send(h http.Handler, method, path, media, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestForms: what the npm package qs makes of these bodies was recorded from it,
// with the options of Express's parser. It leaves an empty object where a name
// of __proto__ is left out.
func TestForms(t *testing.T) {
	t.Parallel()
	calls := &recorder{}
	h := calls.handler(t, "")
	type m = map[string]any
	for body, want := range map[string]m{
		"email=a%40b.c&password=p+q%2B": {"email": "a@b.c", "password": "p q+"},
		"email[]=a&password=p":          {"email": []any{"a"}, "password": "p"},
		"email%5B%5D=a&email%5b%5d=b":   {"email": []any{"a", "b"}},
		"email=a&email=b":               {"email": []any{"a", "b"}},
		"email=a&email[]=b":             {"email": []any{"a", "b"}},
		"email[a]=b&email[c]=d":         {"email": m{"a": "b", "c": "d"}},
		"email[a][b][]=c":               {"email": m{"a": m{"b": []any{"c"}}}},
		"email[0]=a&email[1]=b":         {"email": []any{"a", "b"}},
		"email=a&email[b]=c":            {"email": []any{"a", m{"b": "c"}}},
		"[email]=a&[password]=b":        {"email": "a", "password": "b"},
		"email[][a]=b":                  {"email": []any{m{"a": "b"}}},
		"email[=a":                      {"email": m{"[": "a"}},
		"email]=a":                      {"email]": "a"},
		"email[a]b=c":                   {"email": m{"a": "c"}},
		"email[[a]]=b":                  {"email": m{"[a]": "b"}},
		"a=b=c&d==&e":                   {"a": "b=c", "d": "=", "e": ""},
		"=a&&b=c&":                      {"b": "c"},
		"a=%ff&b=%&c=%zz+d&%ff=e":       {"a": "%ff", "b": "%", "c": "%zz d", "%ff": "e"},
		"__proto__[a]=b&c[__proto__]=d": {},
		"a.b=c&toString=d":              {"a.b": "c", "toString": "d"},
		"a=b]=c":                        {"a=b]": "c"},
		"":                              {},
	} {
		calls.reset()
		w := send(h, http.MethodPost, loginPath, formMedia, body)
		if w.Code != 200 || !reflect.DeepEqual(calls.input.Body, want) {
			t.Errorf("%s: got %d %v, want %v", body, w.Code, calls.input.Body, want)
		}
	}
	deep := func(n int) string { return "a" + strings.Repeat("[b]", n) + "=c" }
	for body, want := range map[string]string{
		strings.Repeat("a=b&", 999) + "a=b":  "",
		strings.Repeat("a=b&", 1000) + "a=b": `{"message":"too many parameters","type":"unknown_error"}`,
		strings.Repeat("&", 1000):            `{"message":"too many parameters","type":"unknown_error"}`,
		deep(32):                             "",
		deep(33):                             `{"message":"The input exceeded the depth","type":"invalid_data"}`,
	} {
		w := send(h, http.MethodPost, loginPath, formMedia, body)
		if want == "" && w.Code != 200 || want != "" && w.Body.String() != want {
			t.Errorf("%.20s…: got %d %s", body, w.Code, w.Body)
		}
	}
}

func TestJSONBodies(t *testing.T) {
	t.Parallel()
	calls := &recorder{}
	h := calls.handler(t, "")
	type m = map[string]any
	for name, test := range map[string]struct {
		media, body string
		want        m
	}{
		"values":            {"application/json", `{"a":[1,2.50,"x",null,true,{"b":{}}],"c":1e999,"":0}`, m{"a": []any{json.Number("1"), json.Number("2.50"), "x", nil, true, m{"b": m{}}}, "c": json.Number("1e999"), "": json.Number("0")}},
		"the last counts":   {"application/json", `{"a":{"b":1},"a":{"c":2}}`, m{"a": m{"c": json.Number("2")}}},
		"case counts":       {"application/json", `{"Email":"x","EMAIL":"y"}`, m{"Email": "x", "EMAIL": "y"}},
		"array":             {"application/json", `[{"email":"x"}]`, m{}},
		"white space":       {"application/json", " \r\n\t{ } \n", m{}},
		"byte order mark":   {"application/json", "\ufeff{\"a\":\"\ufeff\"}", m{"a": "\ufeff"}},
		"half a pair":       {"application/json", `{"a":"\ud800"}`, m{"a": "\ufffd"}},
		"NUL":               {"application/json", `{"a":"\u0000"}`, m{"a": "\x00"}},
		"__proto__":         {"application/json", `{"__proto__":{"a":1}}`, m{"__proto__": m{"a": json.Number("1")}}},
		"media parameters":  {`application/json; charset="utf-8"; x=y`, `{"a":"b"}`, m{"a": "b"}},
		"media in capitals": {"APPLICATION/JSON", `{"a":"b"}`, m{"a": "b"}},
		"another JSON":      {"application/vnd.api+json", `{"a":"b"}`, m{}},
		"broken media type": {"application/json; =", `{"a":"b"}`, m{}},
		"no media type":     {"", `{"a":"b"}`, m{}},
		"plain text":        {"text/plain; charset=koi8-r", `{"a":"b"}`, m{}},
		"octets":            {"application/octet-stream", "\xff", m{}},
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			calls.reset()
			w := send(h, method, loginPath, test.media, test.body)
			if w.Code != 200 || !reflect.DeepEqual(calls.input.Body, test.want) {
				t.Errorf("%s %s: got %d %s, body %#v", method, name, w.Code, w.Body, calls.input.Body)
			}
		}
	}
}

// TestQuery: of a repeated parameter the first value counts.
func TestQuery(t *testing.T) {
	t.Parallel()
	calls := &recorder{}
	send(calls.handler(t, ""), http.MethodGet, "/auth/customer/google/callback?code=a%20b&code=c&state=&x;y=z&%zz=1", "", "")
	if want := map[string]string{"code": "a b", "state": ""}; !reflect.DeepEqual(calls.input.Query, want) || calls.input.ActorType != "customer" {
		t.Errorf("got %+v", calls.input)
	}
}

// TestSchema: the messages for a reset request were recorded from Medusa's own
// validator.
func TestSchema(t *testing.T) {
	t.Parallel()
	calls := &recorder{}
	h := calls.handler(t, "")
	const identifier = "Expected type: 'string' for field 'identifier', got: "
	for body, want := range map[string]string{
		`{"identifier":null}`:                           identifier + `'null'`,
		`{"identifier":["a",[null,1],{"x":1},true]}`:    identifier + `'a,,1,[object Object],true'`,
		`{"identifier":{"a":1}}`:                        identifier + `'[object Object]'`,
		`{"identifier":[]}`:                             identifier + `''`,
		`{"identifier":1e400}`:                          identifier + `'Infinity'`,
		`{"identifier":-1e400}`:                         identifier + `'-Infinity'`,
		`{"identifier":1e21}`:                           identifier + `'1e+21'`,
		`{"identifier":1.50}`:                           identifier + `'1.5'`,
		`{"identifier":0.0000001}`:                      identifier + `'1e-7'`,
		`{"identifier":-0}`:                             identifier + `'0'`,
		`{"identifier":123456789012345678901234567890}`: identifier + `'1.2345678901234568e+29'`,
		`{"identifier":true,"metadata":null}`:           identifier + `'true'; Expected type: 'record' for field 'metadata', got: 'null'`,
		`{"metadata":[1,2],"x":1,"a":2,"2":0,"1":0,"01":0}`: `Field 'identifier' is required; Expected type: 'record' for field 'metadata', got: '1,2'; ` +
			`Unrecognized fields: '1, 2, x, a, 01'`,
		`{"identifier":"a","__proto__":{"b":1}}`:          `Unrecognized fields: '__proto__'`,
		`{"identifier":"a","z":1,"z":2,"Identifier":"b"}`: `Unrecognized fields: 'z, Identifier'`,
		`{"identifier":"a","<b>\u2028":1}`:                "Unrecognized fields: '<b>\u2028'",
		`[]`:                                              `Field '' is required`,
		`[{"identifier":"a"}]`:                            `Field '' is required`,
	} {
		calls.reset()
		w := send(h, http.MethodPost, resetPath, "application/json", body)
		if want := `{"type":"invalid_data","message":"Invalid request: ` + want + `"}`; w.Code != 400 || w.Body.String() != want {
			t.Errorf("%s: got %d %s, want %s", body, w.Code, w.Body, want)
		}
		if calls.String() != "" {
			t.Errorf("%s: got %s", body, calls)
		}
	}
	if w := send(h, http.MethodPost, resetPath, "text/plain", "identifier=a"); w.Body.String() != `{"type":"invalid_data","message":"Invalid request: Field '' is required"}` {
		t.Errorf("text: got %s", w.Body)
	}
	for body, want := range map[string]string{
		`{"identifier":"a"}`: "reset customer emailpass a ",
		`{"identifier":"a","identifier":"b","metadata":{}}`:                 "reset customer emailpass b {}",
		`{"identifier":"","metadata":{"b":"<\u2028>","a":1.50e2}}`:          `reset customer emailpass  {"a":1.50e2,"b":"<\u2028>"}`,
		`{"identifier":"a","metadata":{"__proto__":1,"c":{"__proto__":2}}}`: `reset customer emailpass a {"c":{"__proto__":2}}`,
	} {
		calls.reset()
		if w := send(h, http.MethodPost, resetPath, "application/json", body); w.Code != 201 || calls.String() != want {
			t.Errorf("%s: got %d %s, want %s", body, w.Code, calls, want)
		}
	}
}

// FuzzBody: any body of any type is read or refused, and refusals are JSON that
// repeats nothing but what the message must.
func FuzzBody(f *testing.F) {
	calls := &recorder{refusal: &identity.Error{Code: identity.CodeUnauthorized, Reason: "fuzz"}}
	h := calls.handler(f, "")
	for _, media := range []string{"application/json", "application/json; charset=utf-16", formMedia, "text/plain", "x"} {
		for _, body := range []string{
			`{}`, `{"identifier":"a","metadata":{"a":[1e999]}}`, `{"identifier":[[[]]]}`, `[`, `{"a":`, "\xff", "\ufeff", `"`, `[😀]`,
			"a=b&c[]=d&e[f][g]=h", "[]=a&[b]=c&d[=e", "%5B%5D%ff=%", "a[0]=1&a[b]=2&a=3&a[]=4", "metadata[a]=b&identifier=c",
		} {
			f.Add(media, body)
		}
	}
	f.Fuzz(func(t *testing.T, media, body string) {
		for _, path := range []string{loginPath, resetPath} {
			w := send(h, http.MethodPost, path, media, body)
			switch w.Code {
			case 400, 401, 413, 415:
			default:
				t.Errorf("%q %q: got %d", media, body, w.Code)
			}
			if !json.Valid(w.Body.Bytes()) || !utf8.Valid(w.Body.Bytes()) {
				t.Errorf("%q %q: got %q", media, body, w.Body)
			}
		}
	})
}
