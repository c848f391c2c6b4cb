//go:build unix && medusa

package medusa

import (
	"net/http"
	"strings"
)

const (
	get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete

	password = "correct horse battery staple"
	changed  = "another horse 🐎"
)

// converse sends every request of the comparison.
func (s *side) converse() {
	s.converseAboutNothing()
	token := s.converseAboutRegistration()
	s.converseAboutLogin()
	s.converseAboutSessions(s.converseAboutCustomers(token))
	s.converseAboutReset()
	s.converseAboutStaff()
	s.converseAboutFactors()
	s.converseAboutDeletion()
}

// converseAboutNothing asks for what needs no identity.
func (s *side) converseAboutNothing() {
	noKey := map[string]string{"X-Publishable-Api-Key": ""}
	s.ask("other/health", get, "/health", request{})
	s.ask("other/cloud", get, "/cloud/auth", request{})
	s.ask("other/cloud user", post, "/cloud/auth/users", request{})
	s.ask("other/static", get, "/static/none.png", request{})
	s.ask("other/hook", post, "/hooks/payment/none", request{body: struct{}{}})
	s.ask("other/dashboard", get, "/app/", request{})
	s.ask("other/dashboard page", get, "/app/login", request{})
	s.ask("other/unknown", get, "/nothing", request{})
	s.ask("store/products", get, "/store/products?limit=1", request{})
	s.ask("store/products with garbage", get, "/store/products?limit=1", request{token: "garbage"})
	s.ask("store/products without key", get, "/store/products", request{header: noKey})
	s.ask("store/products with a wrong key", get, "/store/products", request{header: map[string]string{"X-Publishable-Api-Key": "pk_wrong"}})
	s.ask("store/me of nobody", get, "/store/customers/me", request{})
	s.ask("store/me without key", get, "/store/customers/me", request{header: noKey})
	s.ask("store/me with garbage", get, "/store/customers/me", request{token: "garbage"})
	s.ask("store/me with basic", get, "/store/customers/me", request{header: map[string]string{"Authorization": "Basic abc"}})
	s.ask("admin/flags", get, "/admin/feature-flags", request{})
	s.ask("admin/me of nobody", get, "/admin/users/me", request{})
	s.ask("admin/me with a secret key as bearer", get, "/admin/users/me", request{token: "sk_wrong"})
	s.ask("admin/me with a wrong secret key", get, "/admin/users/me", request{header: map[string]string{"Authorization": "Basic sk_wrong"}})
	s.ask("auth/unknown path", get, "/auth/x", request{})
	s.ask("auth/get session", get, "/auth/session", request{})
	s.ask("auth/providers", get, "/auth/customer/providers", request{})
	s.ask("auth/providers of users", get, "/auth/user/providers", request{})
	s.ask("auth/providers, head", http.MethodHead, "/auth/customer/providers", request{})
	s.ask("auth/providers, slash", get, "/auth/customer/providers/", request{})
	s.converseAcross("the shop", shopOrigin)
	s.converseAcross("a stranger", "https://elsewhere.example.org")
}

// converseAcross asks as a page of another origin does.
func (s *side) converseAcross(name, origin string) {
	across := map[string]string{"Origin": origin}
	s.ask("auth/providers from "+name, get, "/auth/customer/providers", request{header: across})
	s.ask("store/products from "+name, get, "/store/products?limit=1", request{header: across})
	s.ask("admin/flags from "+name, get, "/admin/feature-flags", request{header: across})
	preflight := map[string]string{
		"Origin": origin, "Access-Control-Request-Method": post, "Access-Control-Request-Headers": "authorization,content-type,x-medusa-locale",
	}
	s.ask("auth/preflight from "+name, http.MethodOptions, "/auth/customer/emailpass", request{header: preflight})
	s.ask("store/preflight from "+name, http.MethodOptions, "/store/customers", request{header: preflight})
	s.ask("admin/preflight from "+name, http.MethodOptions, "/admin/invites", request{header: preflight})
}

// converseAboutRegistration registers a customer and returns the token.
func (s *side) converseAboutRegistration() string {
	const path = "/auth/customer/emailpass/register"
	jane := s.email("jane")
	for _, bad := range []struct{ name, text string }{
		{"nothing", `{}`},
		{"no password", `{"email":"jane"}`},
		{"no email", `{"password":"correct horse"}`},
		{"a number as password", `{"email":"jane","password":5}`},
		{"an empty password", `{"email":"jane","password":""}`},
		{"an empty email", `{"email":"","password":"correct horse"}`},
		{"a list", `[]`},
		{"broken JSON", `{x`},
		{"a text for JSON", `"abc"`},
	} {
		s.ask("auth/register with "+bad.name, post, path, request{text: bad.text})
	}
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	token := s.ask("auth/register", post, path, request{body: credentials(jane, password)}).Field("token")
	s.ask("auth/register again", post, path, request{body: credentials(jane, password)})
	s.ask("auth/register again, as a form", post, path, request{
		text: "email=" + strings.ReplaceAll(jane, "@", "%40") + "&password=" + strings.ReplaceAll(password, " ", "+"), header: form,
	})
	s.ask("auth/register with another password", post, path, request{body: credentials(jane, changed)})
	s.ask("auth/register with another provider", post, "/auth/customer/nope/register", request{body: credentials(jane, password)})
	s.ask("auth/register with too much", post, path, request{body: credentials(jane, strings.Repeat("x", 200_000))})
	return token
}

func (s *side) converseAboutLogin() {
	const path = "/auth/customer/emailpass"
	jane := s.email("jane")
	s.ask("auth/login with a wrong password", post, path, request{body: credentials(jane, "wrong")})
	s.ask("auth/login of nobody", post, path, request{body: credentials(s.email("nobody"), password)})
	s.ask("auth/login with nothing", post, path, request{})
	s.ask("auth/login before there is a customer", post, path, request{body: credentials(jane, password)})
	s.ask("auth/login with another provider", post, "/auth/customer/nope", request{body: credentials(jane, password)})
	s.ask("auth/callback", get, path+"/callback?code=1", request{})
	s.ask("auth/login from the shop", post, path, request{
		body: credentials(jane, password), header: map[string]string{"Origin": shopOrigin},
	})
}

// converseAboutCustomers makes a customer and returns a token that has it.
func (s *side) converseAboutCustomers(registration string) string {
	const path, me = "/store/customers", "/store/customers/me"
	jane := s.email("jane")
	body := map[string]any{"email": jane, "first_name": "Jane", "metadata": map[string]any{"size": 7}}
	s.ask("store/me before there is a customer", get, me, request{token: registration})
	s.ask("store/create without a token", post, path, request{body: body})
	s.ask("store/create without an email", post, path, request{token: registration, body: struct{}{}})
	s.ask("store/create with a bad email", post, path, request{token: registration, body: map[string]any{"email": "x"}})
	s.ask("store/create with more", post, path, request{token: registration, body: map[string]any{"email": jane, "bogus": 1}})
	s.ask("auth/refresh before there is a customer", post, "/auth/token/refresh", request{token: registration})
	s.ask("store/create", post, path, request{token: registration, body: body})
	s.ask("store/create again", post, path, request{token: registration, body: body})
	s.ask("store/create another", post, path, request{token: registration, body: map[string]any{"email": s.email("other")}})
	s.ask("auth/refresh of nobody", post, "/auth/token/refresh", request{})
	s.ask("auth/refresh with garbage", post, "/auth/token/refresh", request{token: "garbage"})
	token := s.ask("auth/refresh", post, "/auth/token/refresh", request{token: registration}).Field("token")
	s.ask("store/create as a customer", post, path, request{token: token, body: body})
	s.ask("store/me", get, me, request{token: token})
	s.ask("store/me from the shop", get, me, request{token: token, header: map[string]string{"Origin": shopOrigin}})
	s.ask("store/update", post, me, request{token: token, body: map[string]any{"last_name": "Doe"}})
	s.ask("store/update with more", post, me, request{token: token, body: map[string]any{"bogus": 1}})
	s.ask("store/addresses", get, me+"/addresses", request{token: token})
	s.ask("store/orders", get, "/store/orders", request{token: token})
	s.ask("admin/me as a customer", get, "/admin/users/me", request{token: token})
	s.ask("auth/register a customer's address", post, "/auth/customer/emailpass/register", request{body: credentials(jane, password)})
	return token
}

func (s *side) converseAboutSessions(token string) {
	const path, me = "/auth/session", "/store/customers/me"
	s.ask("auth/session of nobody", post, path, request{})
	s.ask("auth/session", post, path, request{token: token})
	s.ask("auth/session by the cookie", post, path, request{cookie: true})
	s.ask("store/me by the cookie", get, me, request{cookie: true})
	s.ask("store/update by the cookie", post, me, request{cookie: true, body: map[string]any{"first_name": "Janet"}})
	s.ask("auth/refresh by the cookie", post, "/auth/token/refresh", request{cookie: true})
	s.ask("admin/me by a customer's cookie", get, "/admin/users/me", request{cookie: true})
	cookie := s.cookie
	s.ask("auth/log out by the token", del, path, request{token: token})
	s.ask("auth/log out", del, path, request{cookie: true})
	s.cookie = cookie
	s.ask("auth/log out again", del, path, request{cookie: true})
	s.ask("store/me after logging out", get, me, request{cookie: true})
}

func (s *side) converseAboutReset() {
	const path = "/auth/customer/emailpass"
	jane := s.email("jane")
	s.ask("auth/reset without identifier", post, path+"/reset-password", request{body: map[string]any{"email": jane}})
	s.ask("auth/reset of nobody", post, path+"/reset-password", request{body: map[string]any{"identifier": s.email("nobody")}})
	s.ask("auth/reset", post, path+"/reset-password", request{body: map[string]any{"identifier": jane}})
	reset, _ := s.backend.resetEvent(s.t, jane)["token"].(string)
	s.ask("store/me with the reset's token", get, "/store/customers/me", request{token: reset})
	s.ask("auth/refresh with the reset's token", post, "/auth/token/refresh", request{token: reset})
	s.ask("auth/update of nobody", post, path+"/update", request{body: map[string]any{"password": changed}})
	s.ask("auth/update as another actor", post, "/auth/user/emailpass/update", request{token: reset, body: map[string]any{"password": changed}})
	s.ask("auth/update", post, path+"/update", request{token: reset, body: map[string]any{"password": changed}})
	s.ask("auth/update again", post, path+"/update", request{token: reset, body: map[string]any{"password": changed}})
	s.ask("auth/login with the old password", post, path, request{body: credentials(jane, password)})
	s.ask("auth/login with the new password", post, path, request{body: credentials(jane, changed)})
}

// converseAboutStaff logs the admin in and has a colleague accept an invite.
func (s *side) converseAboutStaff() {
	grace := s.email("grace")
	admin := s.ask("auth/login of the admin", post, "/auth/user/emailpass", request{body: credentials(adminEmail, adminPassword)}).Field("token")
	s.ask("admin/me", get, "/admin/users/me", request{token: admin})
	s.ask("store/me as the admin", get, "/store/customers/me", request{token: admin})
	s.ask("auth/session of the admin", post, "/auth/session", request{token: admin})
	s.ask("admin/me by the cookie", get, "/admin/users/me", request{cookie: true})
	invite := s.ask("admin/invite", post, "/admin/invites", request{cookie: true, body: map[string]any{"email": grace}}).Field("invite.token")
	key := s.backend.caller().do(s.t, post, "/admin/api-keys", s.backend.adminToken(s.t),
		map[string]string{"title": s.domain, "type": "secret"}).Need(s.t, http.StatusOK).Field("api_key.token")
	s.ask("admin/customers with the secret key", get, "/admin/customers?fields=id&limit=1&q=nobody", request{header: map[string]string{"Authorization": "Basic " + key}})
	s.ask("admin/me with the secret key", get, "/admin/users/me", request{header: map[string]string{"Authorization": "Basic " + key}})
	s.ask("admin/me with the secret key as bearer", get, "/admin/users/me", request{token: key})

	token := s.ask("auth/register a user", post, "/auth/user/emailpass/register", request{body: credentials(grace, password)}).Field("token")
	accept := "/admin/invites/accept"
	names := map[string]any{"first_name": "Grace"}
	s.ask("admin/accept without invite", post, accept, request{token: token, body: names})
	s.ask("admin/accept garbage", post, accept+"?token=garbage", request{token: token, body: names})
	s.ask("admin/accept without token", post, accept+"?token="+invite, request{body: names})
	s.ask("admin/accept as the admin", post, accept+"?token="+invite, request{token: admin, body: names})
	s.ask("admin/accept", post, accept+"?token="+invite, request{token: token, body: names})
	s.ask("admin/accept again", post, accept+"?token="+invite, request{token: token, body: names})
	token = s.ask("auth/login of a user", post, "/auth/user/emailpass", request{body: credentials(grace, password)}).Field("token")
	s.ask("admin/me of the new user", get, "/admin/users/me", request{token: token})
	s.ask("auth/user by a provider", post, "/auth/emailpass/user", request{token: token})
	s.ask("auth/user by a provider, of nobody", post, "/auth/emailpass/user", request{})

	both := s.ask("auth/login of a user as a customer", post, "/auth/customer/emailpass", request{body: credentials(grace, password)}).Field("token")
	s.ask("store/create for a user", post, "/store/customers", request{token: both, body: map[string]any{"email": grace}})
	s.ask("auth/refresh of a user and customer", post, "/auth/token/refresh", request{token: both})
}

// converseAboutFactors asks for what is not set up.
func (s *side) converseAboutFactors() {
	token := s.ask("auth/login for factors", post, "/auth/customer/emailpass", request{body: credentials(s.email("jane"), changed)}).Field("token")
	code := map[string]any{"code": "123456"}
	s.ask("auth/factors of nobody", get, "/auth/mfa/factors", request{})
	s.ask("auth/factors", get, "/auth/mfa/factors", request{token: token})
	s.ask("auth/start a factor", post, "/auth/mfa/factors", request{token: token, body: map[string]any{"provider": "totp"}})
	s.ask("auth/verify a factor", post, "/auth/mfa/factors/authmfa_1/verify", request{token: token, body: code})
	s.ask("auth/disable a factor", del, "/auth/mfa/factors/authmfa_1", request{token: token, body: struct{}{}})
	s.ask("auth/recovery codes", post, "/auth/mfa/recovery-codes", request{token: token, body: struct{}{}})
	s.ask("auth/challenge", post, "/auth/mfa/challenges/authmfachal_1/verify", request{token: token, body: map[string]any{"method": "totp", "code": "123456"}})
	s.ask("auth/verification of nobody", post, "/auth/verification/request", request{body: map[string]any{"entity_id": s.email("jane"), "entity_type": "email"}})
	s.ask("auth/verification", post, "/auth/verification/request", request{token: token, body: map[string]any{"entity_id": s.email("jane"), "entity_type": "email"}})
	s.ask("auth/confirm a verification", post, "/auth/verification/confirm", request{body: code})
}

// converseAboutDeletion has the admin delete a customer who is logged in.
func (s *side) converseAboutDeletion() {
	jane := s.email("jane")
	admin := s.ask("auth/login of the admin to delete", post, "/auth/user/emailpass", request{body: credentials(adminEmail, adminPassword)}).Field("token")
	login := s.ask("auth/login before the deletion", post, "/auth/customer/emailpass", request{body: credentials(jane, changed)}).Field("token")
	id := s.ask("store/me before the deletion", get, "/store/customers/me", request{token: login}).Field("customer.id")
	s.ask("admin/delete nobody", del, "/admin/customers/cus_none", request{token: admin})
	s.ask("admin/delete", del, "/admin/customers/"+id, request{token: admin})
	s.ask("store/me after the deletion", get, "/store/customers/me", request{token: login})
	s.ask("auth/refresh after the deletion", post, "/auth/token/refresh", request{token: login})
	s.ask("auth/login after the deletion", post, "/auth/customer/emailpass", request{body: credentials(jane, changed)})
	s.ask("auth/register after the deletion", post, "/auth/customer/emailpass/register", request{body: credentials(jane, password)})
}
