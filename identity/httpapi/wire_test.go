package httpapi_test

import (
	"strconv"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	unauthorizedBody = `{"message":"Unauthorized"}`
	notFoundBody     = `{"type":"not_found","message":"There is no such route"}`
	invalidToken     = `{"type":"unauthorized","message":"Invalid token"}`
)

// TestRefusals has an answer for everything that is refused, as recorded from
// the real server unless doc.go names the difference. The names are those of
// the recorded exchanges where there is one.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, func(set *setup) { set.http2 = http2 })
			for name, test := range refusals(s) {
				t.Run(name, func(t *testing.T) { checkRefusal(t, s, test) })
			}
		})
	}
}

type refusal struct {
	request
	status int
	body   string
	plain  bool // no route, so neither CORS nor cache headers
}

func checkRefusal(t *testing.T, s *shop, test refusal) {
	res := s.do(test.request)
	if res.status != test.status || res.body != test.body && test.method != "HEAD" {
		t.Errorf("got %d %s, want %d %s", res.status, res.body, test.status, test.body)
	}
	want := map[string]string{
		"Content-Type":   "application/json; charset=utf-8",
		"Content-Length": strconv.Itoa(len(test.body)),
		"Set-Cookie":     "", "Retry-After": "", "Etag": "",
		"Cache-Control": "private, no-store", "Vary": "Origin", "Access-Control-Allow-Credentials": "true",
	}
	if test.plain || test.method == "HEAD" {
		want["Vary"], want["Access-Control-Allow-Credentials"] = "", ""
	}
	if test.plain {
		want["Cache-Control"] = ""
	}
	for name, value := range want {
		if got := res.header.Get(name); got != value {
			t.Errorf("got %s %q, want %q", name, got, value)
		}
	}
}

func refusals(s *shop) map[string]refusal {
	raw := s.customer("refusals@example.com", "pass-1", "cus_1")
	reset := s.resetToken("refusals@example.com")
	cookie := s.login(raw)
	expired := s.mint(identity.Claims{IdentityID: s.claims(raw).IdentityID, IssuedAt: 1, ExpiresAt: 2})

	typed := func(status int, kind, message string) (int, string) {
		return status, `{"type":"` + kind + `","message":"` + message + `"}`
	}
	table := make(map[string]refusal)
	add := func(name string, q request, status int, body string) {
		table[name] = refusal{request: q, status: status, body: body}
	}
	parser := func(name, content, body string, status int, message string) {
		kind := "invalid_data"
		if status != 400 {
			kind = "unknown_error"
		}
		q := request{"POST", registerPath, body, headers("Content-Type", content)}
		add(name, q, status, `{"message":"`+message+`","type":"`+kind+`"}`)
	}
	unauthorized := func(name string, q request, message string) {
		status, body := typed(401, "unauthorized", message)
		add(name, q, status, body)
	}
	notAllowed := func(name string, q request, actor, provider string) {
		status, body := typed(400, "not_allowed", "The actor type "+actor+" is not allowed to use the auth provider "+provider)
		add(name, q, status, body)
	}
	schema := func(name, body, message string) {
		status, want := typed(400, "invalid_data", "Invalid request: "+message)
		add(name, post(resetPath, body), status, want)
	}
	missing := func(name, method, path string) {
		table[name] = refusal{request: request{method, path, "", headers("Origin", storefront)}, status: 404, body: notFoundBody, plain: true}
	}
	noCredential := func(name string, q request) { add(name, q, 401, unauthorizedBody) }

	for name, body := range map[string]string{
		"missing both ({})": `{}`, "empty body with JSON content type": ``, "an array": `["password","x"]`,
		"password is a number": `{"email":"a@example.com","password":5}`, "password is null": `{"email":"a@example.com","password":null}`,
	} {
		unauthorized("register: "+name, post(registerPath, body), "Password should be a string")
		unauthorized("login: "+name, post(loginPath, body), "Password should be a string")
	}
	for name, body := range map[string]string{
		"email is an object": `{"email":{"a":1},"password":"x"}`, "email is null": `{"email":null,"password":"x"}`,
		"missing email": `{"password":"x"}`, "email is empty": `{"email":"","password":"x"}`,
		"__proto__":                      `{"__proto__":{"email":"refusals@example.com"},"password":"pass-1"}`,
		"the last of two members counts": `{"email":"refusals@example.com","password":"pass-1","email":5}`,
	} {
		unauthorized("register: "+name, post(registerPath, body), "Email should be a string")
		unauthorized("login: "+name, post(loginPath, body), "Email should be a string")
	}
	unauthorized("register: no body, no content type", request{"POST", registerPath, "", nil}, "Password should be a string")
	unauthorized("register: JSON body without content type", request{"POST", registerPath, credentials("a@example.com", "x"), nil}, "Password should be a string")
	unauthorized("register: text/plain", request{"POST", registerPath, credentials("a@example.com", "x"), headers("Content-Type", "text/plain")}, "Password should be a string")
	unauthorized("register: multipart", request{"POST", registerPath, "--x--", headers("Content-Type", "multipart/form-data; boundary=x")}, "Password should be a string")
	unauthorized("login: form with array-like field", request{"POST", loginPath, "email[]=refusals%40example.com&password=pass-1", headers("Content-Type", "application/x-www-form-urlencoded")}, "Email should be a string")
	unauthorized("login: form with a repeated field", request{"POST", loginPath, "email=refusals%40example.com&password=pass-1&password=pass-1", headers("Content-Type", "application/x-www-form-urlencoded")}, "Password should be a string")
	unauthorized("login: GET without body", request{"GET", loginPath, "", nil}, "Password should be a string")
	unauthorized("login: HEAD", request{"HEAD", loginPath, "", nil}, "Password should be a string")
	unauthorized("login: GET with credentials in query", request{"GET", loginPath + "?email=refusals%40example.com&password=pass-1", "", nil}, "Password should be a string")
	unauthorized("login: unknown e-mail", post(loginPath, credentials("nobody@example.com", "pass-1")), "Invalid email or password")
	unauthorized("login: wrong password", post(loginPath, credentials("refusals@example.com", "pass-2")), "Invalid email or password")
	unauthorized("login: placeholder in the e-mail", post(loginPath, credentials("{env.JWT_SECRET}", "{file./etc/passwd}")), "Invalid email or password")
	unauthorized("register: existing", post(registerPath, credentials("refusals@example.com", "pass-1")), "Identity with email already exists")
	unauthorized("register: google (redirect provider)", post("/auth/customer/google/register", `{}`), "Google does not support registration. Use method `authenticate` instead.")
	unauthorized("callback: emailpass has none (GET)", request{"GET", "/auth/customer/emailpass/callback?code=a&state=b", "", nil}, "Callback authentication not implemented for provider emailpass")
	unauthorized("callback: no code", post("/auth/customer/google/callback", `{}`), "No code provided")
	unauthorized("google: error", request{"GET", "/auth/customer/google?error=access_denied&error_description=User+denied+%3Ca%3E&error_description=2", "", nil}, "User denied <a>, read more at: undefined")

	notAllowed("register: unknown provider, actor with an allow list", post("/auth/customer/nope/register", `{}`), "customer", "nope")
	notAllowed("login: provider not allowed for that actor (GET)", request{"GET", "/auth/user/google", "", nil}, "user", "google")
	notAllowed("login: provider with other case", post("/auth/customer/EmailPass", `{}`), "customer", "EmailPass")
	notAllowed("login: actor with other case", post("/auth/Customer/emailpass", `{}`), "Customer", "emailpass")
	notAllowed("login: placeholder in the path", post("/auth/%7Benv.JWT_SECRET%7D/%7Bhttp.vars.x%7D", `{}`), "{env.JWT_SECRET}", "{http.vars.x}")
	notAllowed("reset-password: provider not allowed, before the schema", post("/auth/user/google/reset-password", `{}`), "user", "google")
	notAllowed("update: provider not allowed, before the token", post("/auth/user/google/update", `{}`), "user", "google")
	notAllowed("providers: POST is treated as provider named 'providers'", post("/auth/customer/providers", `{}`), "customer", "providers")
	notAllowed("refresh: GET", request{"GET", refreshPath, "", headers("Authorization", bearer(raw))}, "token", "refresh")

	parser("register: truncated JSON", "application/json", `{"email":"a@b.c"`, 400, `Expected ',' or '}' after property value in JSON at position 16`)
	parser("register: JSON null body", "application/json", `null`, 400, `Unexpected token 'n', \"null\" is not valid JSON`)
	parser("register: JSON string body", "application/json", `"abc"`, 400, `Unexpected token '\"', \"\"abc\"\" is not valid JSON`)
	parser("register: not UTF-8", "application/json", "{\"email\":\"\xff\",\"password\":\"x\"}", 400, "Invalid UTF-8 in request body")
	parser("register: form not UTF-8", "application/x-www-form-urlencoded", "email=\xff", 400, "Invalid UTF-8 in request body")
	parser("register: unsupported charset", "application/json; charset=koi8-r", `{}`, 415, `unsupported charset \"KOI8-R\"`)
	parser("register: unsupported charset of a form", "application/x-www-form-urlencoded; charset=latin1", `a=b`, 415, `unsupported charset \"LATIN1\"`)
	add("register: unsupported content encoding", post(registerPath, "xx", "Content-Encoding", "foo"), 415, `{"message":"unsupported content encoding \"foo\"","type":"unknown_error"}`)
	add("register: gzip", post(registerPath, "xx", "Content-Encoding", "gzip"), 415, `{"message":"unsupported content encoding \"gzip\"","type":"unknown_error"}`)
	add("refresh: invalid JSON counts before the credential", post(refreshPath, "{"), 400, `{"message":"Expected property name or '}' in JSON at position 1","type":"invalid_data"}`)
	add("update: invalid JSON", post(updatePath, "{", "Authorization", bearer(reset)), 400, `{"message":"Expected property name or '}' in JSON at position 1","type":"invalid_data"}`)

	for name, body := range map[string]string{"missing identifier": `{}`, "no body": ``} {
		schema("reset-password: "+name, body, "Field 'identifier' is required")
	}
	schema("reset-password: email instead of identifier", `{"email":"a@example.com"}`, "Field 'identifier' is required; Unrecognized fields: 'email'")
	schema("reset-password: identifier is a number", `{"identifier":5}`, "Expected type: 'string' for field 'identifier', got: '5'")
	schema("reset-password: metadata not an object", `{"identifier":"a@example.com","metadata":"x"}`, "Expected type: 'record' for field 'metadata', got: 'x'")
	schema("reset-password: an array", `[1]`, "Field '' is required")

	unauthorizedTokens := map[string]string{
		"no token": "", "garbage": "Bearer garbage", "login token": bearer(raw), "no scheme": reset, "Basic": "Basic " + reset,
	}
	for name, authorization := range unauthorizedTokens {
		q := post(updatePath, `{"password":"new-pass"}`)
		if authorization != "" {
			q.header["Authorization"] = authorization
		}
		add("update: "+name, q, 401, invalidToken)
	}
	add("update: token in the query string", post(updatePath+"?token="+reset, `{"password":"new-pass"}`), 401, invalidToken)
	add("update: token in the JSON body", post(updatePath, `{"password":"new-pass","token":"`+reset+`"}`), 401, invalidToken)
	add("update: wrong actor type in the path", post("/auth/user/emailpass/update", `{"password":"p"}`, "Authorization", bearer(reset)), 401, invalidToken)
	add("update: other provider in the path", post("/auth/customer/google/update", `{"password":"p"}`, "Authorization", bearer(reset)), 401, invalidToken)

	for name, authorization := range map[string]string{
		"garbage": "Bearer garbage", "expired": bearer(expired), "reset token": bearer(reset), "Basic": "Basic " + raw, "no scheme": raw, "two tokens in one": "Bearer ,",
	} {
		noCredential("refresh: "+name, request{"POST", refreshPath, "", headers("Authorization", authorization)})
		noCredential("session: "+name, request{"POST", sessionPath, "", headers("Authorization", authorization)})
	}
	noCredential("refresh: no credential", request{"POST", refreshPath, "", nil})
	noCredential("refresh: token in the query", request{"POST", refreshPath + "?token=" + raw, "", nil})
	noCredential("session: POST with cookie only (no bearer)", request{"POST", sessionPath, "", headers("Cookie", cookie)})
	noCredential("session: DELETE without cookie", request{"DELETE", sessionPath, "", nil})
	noCredential("session: DELETE with a bearer only", request{"DELETE", sessionPath, "", headers("Authorization", bearer(raw))})
	noCredential("session: DELETE with a tampered cookie", request{"DELETE", sessionPath, "", headers("Cookie", cookie+"x")})
	noCredential("refresh: token without auth_identity_id and without actor", request{"POST", refreshPath, "", headers("Authorization", bearer(s.mint(identity.Claims{Provider: "emailpass"})))})
	noCredential("session: unknown auth identity", request{"POST", sessionPath, "", headers("Authorization", bearer(s.mint(identity.Claims{IdentityID: "authid_missing", Provider: "emailpass"})))})
	unauthorized("refresh: token without auth_provider claim", request{"POST", refreshPath, "", headers("Authorization", bearer(s.mint(identity.Claims{IdentityID: "authid_1", ActorID: "cus_1"})))}, "The auth provider is not set while refreshing token")
	unauthorized("refresh: unknown auth identity, without actor", request{"POST", refreshPath, "", headers("Authorization", bearer(s.mint(identity.Claims{IdentityID: "authid_missing", Provider: "emailpass"})))}, "Invalid auth identity while refreshing token")
	status, body := typed(404, "not_found", "AuthIdentity with id: authid_missing was not found")
	add("refresh: unknown auth identity, with actor", request{"POST", refreshPath, "", headers("Authorization", bearer(s.mint(identity.Claims{IdentityID: "authid_missing", Provider: "emailpass", ActorID: "cus_1"})))}, status, body)
	status, body = typed(404, "not_found", "AuthIdentity with id:  was not found")
	add("refresh: token without auth_identity_id, with actor", request{"POST", refreshPath, "", headers("Authorization", bearer(s.mint(identity.Claims{Provider: "emailpass", ActorID: "cus_1"})))}, status, body)

	for _, method := range []string{"GET", "PUT", "DELETE", "HEAD", "PATCH"} {
		missing("register: "+method, method, registerPath)
		missing("reset-password: "+method, method, resetPath)
		missing("update: "+method, method, updatePath)
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE", "TRACE", "BREW"} {
		missing("login: "+method, method, loginPath)
	}
	missing("auth: unknown path", "GET", "/auth")
	missing("auth: POST one segment", "POST", "/auth/customer")
	missing("session: GET", "GET", sessionPath)
	missing("cors: 404 with an allowed origin", "GET", "/auth/x/y/z/w")
	return table
}
