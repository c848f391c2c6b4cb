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
	noKey := map[string]string{keyHeader: ""}
	s.Ask("other/health", get, "/health", request{})
	s.Ask("other/cloud", get, "/cloud/auth", request{})
	s.Ask("other/cloud user", post, "/cloud/auth/users", request{})
	s.Ask("other/static", get, "/static/none.png", request{})
	s.Ask("other/hook", post, "/hooks/payment/none", request{Body: struct{}{}})
	s.Ask("other/dashboard", get, "/app/", request{})
	s.Ask("other/dashboard page", get, "/app/login", request{})
	s.Ask("other/unknown", get, "/nothing", request{})
	s.Ask("store/products", get, "/store/products?limit=1", request{})
	s.Ask("store/products with garbage", get, "/store/products?limit=1", request{Token: "garbage"})
	s.Ask("store/products without key", get, "/store/products", request{Header: noKey})
	s.Ask("store/products with a wrong key", get, "/store/products", request{Header: map[string]string{keyHeader: "pk_wrong"}})
	s.Ask("store/me of nobody", get, "/store/customers/me", request{})
	s.Ask("store/me without key", get, "/store/customers/me", request{Header: noKey})
	s.Ask("store/me with garbage", get, "/store/customers/me", request{Token: "garbage"})
	s.Ask("store/me with basic", get, "/store/customers/me", request{Header: map[string]string{"Authorization": "Basic abc"}})
	s.Ask("admin/flags", get, "/admin/feature-flags", request{})
	s.Ask("admin/me of nobody", get, "/admin/users/me", request{})
	s.Ask("admin/me with a secret key as bearer", get, "/admin/users/me", request{Token: "sk_wrong"})
	s.Ask("admin/me with a wrong secret key", get, "/admin/users/me", request{Header: map[string]string{"Authorization": "Basic sk_wrong"}})
	s.Ask("auth/unknown path", get, "/auth/x", request{})
	s.Ask("auth/get session", get, "/auth/session", request{})
	s.Ask("auth/providers", get, "/auth/customer/providers", request{})
	s.Ask("auth/providers of users", get, "/auth/user/providers", request{})
	s.Ask("auth/providers, head", http.MethodHead, "/auth/customer/providers", request{})
	s.Ask("auth/providers, slash", get, "/auth/customer/providers/", request{})
	s.converseAcross("the shop", shopOrigin)
	s.converseAcross("a stranger", "https://elsewhere.example.org")
}

// converseAcross asks as a page of another origin does.
func (s *side) converseAcross(name, origin string) {
	across := map[string]string{"Origin": origin}
	s.Ask("auth/providers from "+name, get, "/auth/customer/providers", request{Header: across})
	s.Ask("store/products from "+name, get, "/store/products?limit=1", request{Header: across})
	s.Ask("admin/flags from "+name, get, "/admin/feature-flags", request{Header: across})
	preflight := map[string]string{
		"Origin": origin, "Access-Control-Request-Method": post, "Access-Control-Request-Headers": "authorization,content-type,x-medusa-locale",
	}
	s.Ask("auth/preflight from "+name, http.MethodOptions, "/auth/customer/emailpass", request{Header: preflight})
	s.Ask("store/preflight from "+name, http.MethodOptions, "/store/customers", request{Header: preflight})
	s.Ask("admin/preflight from "+name, http.MethodOptions, "/admin/invites", request{Header: preflight})
}

// converseAboutRegistration registers a customer and returns the token.
func (s *side) converseAboutRegistration() string {
	const path = "/auth/customer/emailpass/register"
	jane := s.Email("jane")
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
		s.Ask("auth/register with "+bad.name, post, path, request{Text: bad.text})
	}
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	token := s.Ask("auth/register", post, path, request{Body: credentials(jane, password)}).Field("token")
	s.Ask("auth/register again", post, path, request{Body: credentials(jane, password)})
	s.Ask("auth/register again, as a form", post, path, request{
		Text: "email=" + strings.ReplaceAll(jane, "@", "%40") + "&password=" + strings.ReplaceAll(password, " ", "+"), Header: form,
	})
	s.Ask("auth/register with another password", post, path, request{Body: credentials(jane, changed)})
	s.Ask("auth/register with another provider", post, "/auth/customer/nope/register", request{Body: credentials(jane, password)})
	s.Ask("auth/register with too much", post, path, request{Body: credentials(jane, strings.Repeat("x", 200_000))})
	return token
}

func (s *side) converseAboutLogin() {
	const path = "/auth/customer/emailpass"
	jane := s.Email("jane")
	s.Ask("auth/login with a wrong password", post, path, request{Body: credentials(jane, "wrong")})
	s.Ask("auth/login of nobody", post, path, request{Body: credentials(s.Email("nobody"), password)})
	s.Ask("auth/login with nothing", post, path, request{})
	s.Ask("auth/login before there is a customer", post, path, request{Body: credentials(jane, password)})
	s.Ask("auth/login with another provider", post, "/auth/customer/nope", request{Body: credentials(jane, password)})
	s.Ask("auth/callback", get, path+"/callback?code=1", request{})
	s.Ask("auth/login from the shop", post, path, request{
		Body: credentials(jane, password), Header: map[string]string{"Origin": shopOrigin},
	})
}

// converseAboutCustomers makes a customer and returns a token that has it.
func (s *side) converseAboutCustomers(registration string) string {
	const path, me = "/store/customers", "/store/customers/me"
	jane := s.Email("jane")
	body := map[string]any{"email": jane, "first_name": "Jane", "metadata": map[string]any{"size": 7}}
	s.Ask("store/me before there is a customer", get, me, request{Token: registration})
	s.Ask("store/create without a token", post, path, request{Body: body})
	s.Ask("store/create without an email", post, path, request{Token: registration, Body: struct{}{}})
	s.Ask("store/create with a bad email", post, path, request{Token: registration, Body: map[string]any{"email": "x"}})
	s.Ask("store/create with more", post, path, request{Token: registration, Body: map[string]any{"email": jane, "bogus": 1}})
	s.Ask("auth/refresh before there is a customer", post, "/auth/token/refresh", request{Token: registration})
	s.Ask("store/create", post, path, request{Token: registration, Body: body})
	s.Ask("store/create again", post, path, request{Token: registration, Body: body})
	s.Ask("store/create another", post, path, request{Token: registration, Body: map[string]any{"email": s.Email("other")}})
	s.Ask("auth/refresh of nobody", post, "/auth/token/refresh", request{})
	s.Ask("auth/refresh with garbage", post, "/auth/token/refresh", request{Token: "garbage"})
	token := s.Ask("auth/refresh", post, "/auth/token/refresh", request{Token: registration}).Field("token")
	s.Ask("store/create as a customer", post, path, request{Token: token, Body: body})
	s.Ask("store/me", get, me, request{Token: token})
	s.Ask("store/me from the shop", get, me, request{Token: token, Header: map[string]string{"Origin": shopOrigin}})
	s.Ask("store/update", post, me, request{Token: token, Body: map[string]any{"last_name": "Doe"}})
	s.Ask("store/update with more", post, me, request{Token: token, Body: map[string]any{"bogus": 1}})
	s.Ask("store/addresses", get, me+"/addresses", request{Token: token})
	s.Ask("store/orders", get, "/store/orders", request{Token: token})
	s.Ask("admin/me as a customer", get, "/admin/users/me", request{Token: token})
	s.Ask("auth/register a customer's address", post, "/auth/customer/emailpass/register", request{Body: credentials(jane, password)})
	return token
}

func (s *side) converseAboutSessions(token string) {
	const path, me = "/auth/session", "/store/customers/me"
	s.Ask("auth/session of nobody", post, path, request{})
	s.Ask("auth/session", post, path, request{Token: token})
	s.Ask("auth/session by the cookie", post, path, request{Cookie: true})
	s.Ask("store/me by the cookie", get, me, request{Cookie: true})
	s.Ask("store/update by the cookie", post, me, request{Cookie: true, Body: map[string]any{"first_name": "Janet"}})
	s.Ask("auth/refresh by the cookie", post, "/auth/token/refresh", request{Cookie: true})
	s.Ask("admin/me by a customer's cookie", get, "/admin/users/me", request{Cookie: true})
	cookie := s.Cookie
	s.Ask("auth/log out by the token", del, path, request{Token: token})
	s.Ask("auth/log out", del, path, request{Cookie: true})
	s.Cookie = cookie
	s.Ask("auth/log out again", del, path, request{Cookie: true})
	s.Ask("store/me after logging out", get, me, request{Cookie: true})
}

func (s *side) converseAboutReset() {
	const path = "/auth/customer/emailpass"
	jane := s.Email("jane")
	s.Ask("auth/reset without identifier", post, path+"/reset-password", request{Body: map[string]any{"email": jane}})
	s.Ask("auth/reset of nobody", post, path+"/reset-password", request{Body: map[string]any{"identifier": s.Email("nobody")}})
	s.Ask("auth/reset", post, path+"/reset-password", request{Body: map[string]any{"identifier": jane}})
	reset, _ := s.backend.resetEvent(s.t, jane)["token"].(string)
	s.Ask("store/me with the reset's token", get, "/store/customers/me", request{Token: reset})
	s.Ask("auth/refresh with the reset's token", post, "/auth/token/refresh", request{Token: reset})
	s.Ask("auth/update of nobody", post, path+"/update", request{Body: map[string]any{"password": changed}})
	s.Ask("auth/update as another actor", post, "/auth/user/emailpass/update", request{Token: reset, Body: map[string]any{"password": changed}})
	s.Ask("auth/update", post, path+"/update", request{Token: reset, Body: map[string]any{"password": changed}})
	s.Ask("auth/update again", post, path+"/update", request{Token: reset, Body: map[string]any{"password": changed}})
	s.Ask("auth/login with the old password", post, path, request{Body: credentials(jane, password)})
	s.Ask("auth/login with the new password", post, path, request{Body: credentials(jane, changed)})
}

// converseAboutStaff logs the admin in and has a colleague accept an invite.
func (s *side) converseAboutStaff() {
	grace := s.Email("grace")
	admin := s.Ask("auth/login of the admin", post, "/auth/user/emailpass", request{Body: credentials(adminEmail, adminPassword)}).Field("token")
	s.Ask("admin/me", get, "/admin/users/me", request{Token: admin})
	s.Ask("store/me as the admin", get, "/store/customers/me", request{Token: admin})
	s.Ask("auth/session of the admin", post, "/auth/session", request{Token: admin})
	s.Ask("admin/me by the cookie", get, "/admin/users/me", request{Cookie: true})
	invite := s.Ask("admin/invite", post, "/admin/invites", request{Cookie: true, Body: map[string]any{"email": grace}}).Field("invite.token")
	key := s.backend.caller().Do(s.t, post, "/admin/api-keys", s.backend.adminToken(s.t),
		map[string]string{"title": s.Email("key"), "type": "secret"}).Need(s.t, http.StatusOK).Field("api_key.token")
	s.Ask("admin/customers with the secret key", get, "/admin/customers?fields=id&limit=1&q=nobody", request{Header: map[string]string{"Authorization": "Basic " + key}})
	s.Ask("admin/me with the secret key", get, "/admin/users/me", request{Header: map[string]string{"Authorization": "Basic " + key}})
	s.Ask("admin/me with the secret key as bearer", get, "/admin/users/me", request{Token: key})

	token := s.Ask("auth/register a user", post, "/auth/user/emailpass/register", request{Body: credentials(grace, password)}).Field("token")
	accept := "/admin/invites/accept"
	names := map[string]any{"first_name": "Grace"}
	s.Ask("admin/accept without invite", post, accept, request{Token: token, Body: names})
	s.Ask("admin/accept garbage", post, accept+"?token=garbage", request{Token: token, Body: names})
	s.Ask("admin/accept without token", post, accept+"?token="+invite, request{Body: names})
	s.Ask("admin/accept as the admin", post, accept+"?token="+invite, request{Token: admin, Body: names})
	s.Ask("admin/accept", post, accept+"?token="+invite, request{Token: token, Body: names})
	s.Ask("admin/accept again", post, accept+"?token="+invite, request{Token: token, Body: names})
	token = s.Ask("auth/login of a user", post, "/auth/user/emailpass", request{Body: credentials(grace, password)}).Field("token")
	s.Ask("admin/me of the new user", get, "/admin/users/me", request{Token: token})
	s.Ask("auth/user by a provider", post, "/auth/emailpass/user", request{Token: token})
	s.Ask("auth/user by a provider, of nobody", post, "/auth/emailpass/user", request{})

	both := s.Ask("auth/login of a user as a customer", post, "/auth/customer/emailpass", request{Body: credentials(grace, password)}).Field("token")
	s.Ask("store/create for a user", post, "/store/customers", request{Token: both, Body: map[string]any{"email": grace}})
	s.Ask("auth/refresh of a user and customer", post, "/auth/token/refresh", request{Token: both})
}

// converseAboutFactors asks for what is not set up.
func (s *side) converseAboutFactors() {
	token := s.Ask("auth/login for factors", post, "/auth/customer/emailpass", request{Body: credentials(s.Email("jane"), changed)}).Field("token")
	code := map[string]any{"code": "123456"}
	s.Ask("auth/factors of nobody", get, "/auth/mfa/factors", request{})
	s.Ask("auth/factors", get, "/auth/mfa/factors", request{Token: token})
	s.Ask("auth/start a factor", post, "/auth/mfa/factors", request{Token: token, Body: map[string]any{"provider": "totp"}})
	s.Ask("auth/verify a factor", post, "/auth/mfa/factors/authmfa_1/verify", request{Token: token, Body: code})
	s.Ask("auth/disable a factor", del, "/auth/mfa/factors/authmfa_1", request{Token: token, Body: struct{}{}})
	s.Ask("auth/recovery codes", post, "/auth/mfa/recovery-codes", request{Token: token, Body: struct{}{}})
	s.Ask("auth/challenge", post, "/auth/mfa/challenges/authmfachal_1/verify", request{Token: token, Body: map[string]any{"method": "totp", "code": "123456"}})
	s.Ask("auth/verification of nobody", post, "/auth/verification/request", request{Body: map[string]any{"entity_id": s.Email("jane"), "entity_type": "email"}})
	s.Ask("auth/verification", post, "/auth/verification/request", request{Token: token, Body: map[string]any{"entity_id": s.Email("jane"), "entity_type": "email"}})
	s.Ask("auth/confirm a verification", post, "/auth/verification/confirm", request{Body: code})
}

// converseAboutDeletion has the admin delete a customer who is logged in.
func (s *side) converseAboutDeletion() {
	jane := s.Email("jane")
	admin := s.Ask("auth/login of the admin to delete", post, "/auth/user/emailpass", request{Body: credentials(adminEmail, adminPassword)}).Field("token")
	login := s.Ask("auth/login before the deletion", post, "/auth/customer/emailpass", request{Body: credentials(jane, changed)}).Field("token")
	id := s.Ask("store/me before the deletion", get, "/store/customers/me", request{Token: login}).Field("customer.id")
	s.Ask("admin/delete nobody", del, "/admin/customers/cus_none", request{Token: admin})
	s.Ask("admin/delete", del, "/admin/customers/"+id, request{Token: admin})
	s.Ask("store/me after the deletion", get, "/store/customers/me", request{Token: login})
	s.Ask("auth/refresh after the deletion", post, "/auth/token/refresh", request{Token: login})
	s.Ask("auth/login after the deletion", post, "/auth/customer/emailpass", request{Body: credentials(jane, changed)})
	s.Ask("auth/register after the deletion", post, "/auth/customer/emailpass/register", request{Body: credentials(jane, password)})
}
