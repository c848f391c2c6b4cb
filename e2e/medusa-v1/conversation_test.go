//go:build unix && medusa

package medusav1

import (
	"net/http"
	"strings"
)

const (
	get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete

	password = "correct horse battery staple"
	changed  = "another horse 🐎"
	third    = "a third horse"
)

// converse sends every request of the comparison.
func (s *side) converse() {
	s.converseAboutNothing()
	s.converseAboutRegistration()
	s.converseAboutLogin()
	s.converseAboutSessions()
	s.converseAboutTheProfile()
	s.converseAboutReset()
	s.converseAboutStaff()
	s.converseAboutCustomersOfStaff()
}

// converseAboutNothing asks for what needs nobody.
func (s *side) converseAboutNothing() {
	s.ask("other/health", get, "/health", request{})
	s.ask("other/unknown", get, "/nothing", request{})
	s.ask("store/products", get, "/store/products?limit=1&fields=id", request{})
	s.ask("store/products with garbage", get, "/store/products?limit=1&fields=id", request{Token: "garbage"})
	s.ask("store/unknown", get, "/store/nothing", request{})
	s.ask("store/me of nobody", get, "/store/customers/me", request{})
	s.ask("store/me with garbage", get, "/store/customers/me", request{Token: "garbage"})
	s.ask("store/me with basic", get, "/store/customers/me", request{Header: map[string]string{"Authorization": "Basic abc"}})
	s.ask("store/orders of nobody", get, "/store/customers/me/orders", request{})
	s.ask("admin/unknown of nobody", get, "/admin/nothing", request{})
	s.ask("admin/users of nobody", get, "/admin/users", request{})
	s.ask("admin/users with a wrong key", get, "/admin/users", request{Header: map[string]string{"X-Medusa-Access-Token": "wrong"}})
	s.ask("auth/unknown path", get, "/store/auth/x/y", request{})
	s.ask("auth/wrong method", http.MethodPut, "/store/auth", request{Body: struct{}{}})
	s.ask("auth/token by get", get, "/store/auth/token", request{})
	s.converseAcross("the shop", shopOrigin)
	s.converseAcross("a stranger", "https://elsewhere.example.org")
}

// converseAcross asks as a page of another origin does.
func (s *side) converseAcross(name, origin string) {
	across := map[string]string{"Origin": origin}
	s.ask("auth/session from "+name, get, "/store/auth", request{Header: across})
	s.ask("store/products from "+name, get, "/store/products?limit=1&fields=id", request{Header: across})
	preflight := map[string]string{"Origin": origin, "Access-Control-Request-Method": post, "Access-Control-Request-Headers": "authorization,content-type"}
	s.ask("auth/preflight from "+name, http.MethodOptions, "/store/auth", request{Header: preflight})
	s.ask("store/preflight from "+name, http.MethodOptions, "/store/customers/me", request{Header: preflight})
}

func (s *side) converseAboutRegistration() {
	const path = "/store/customers"
	jane := s.Email("jane")
	for _, bad := range []struct{ name, text string }{
		{"nothing", `{}`},
		{"no password", `{"email":"jane@example.org"}`},
		{"a bad email", `{"email":"jane","password":"x"}`},
		{"a number as password", `{"email":"jane@example.org","password":5}`},
		{"more", `{"email":"jane@example.org","password":"x","bogus":1}`},
		{"a list", `[]`},
		{"broken JSON", `{x`},
	} {
		s.ask("auth/register with "+bad.name, post, path, request{Text: bad.text})
	}
	body := map[string]any{"email": strings.ToUpper(jane[:1]) + jane[1:], "password": password, "first_name": "Jane", "last_name": "Doe", "phone": "+1"}
	s.ask("auth/register", post, path, request{Body: body})
	s.ask("auth/who registered", get, "/store/auth", request{Cookie: true})
	s.ask("auth/register again", post, path, request{Body: body})
	s.ask("auth/exists", get, "/store/auth/"+jane, request{})
	s.ask("auth/exists not", get, "/store/auth/"+s.Email("nobody"), request{})
}

func (s *side) converseAboutLogin() {
	jane := s.Email("jane")
	for _, at := range []struct{ name, path string }{
		{"store", "/store/auth"}, {"store, token", "/store/auth/token"}, {"admin", "/admin/auth"}, {"admin, token", "/admin/auth/token"},
	} {
		s.ask("auth/nothing at "+at.name, post, at.path, request{Body: struct{}{}})
		s.ask("auth/wrong password at "+at.name, post, at.path, request{Body: credentials(jane, "wrong")})
		s.ask("auth/nobody at "+at.name, post, at.path, request{Body: credentials(s.Email("nobody"), password)})
	}
	s.ask("auth/login from the shop", post, "/store/auth", request{Body: credentials(jane, password), Header: map[string]string{"Origin": shopOrigin}})
	s.ask("auth/login with capitals", post, "/STORE/auth/", request{Body: credentials(strings.ToUpper(jane), password)})
	s.ask("auth/token", post, "/store/auth/token", request{Body: credentials(jane, password)})
}

func (s *side) converseAboutSessions() {
	jane := s.Email("jane")
	token := s.login("store", jane, password)
	s.ask("auth/who has the token", get, "/store/auth", request{Token: token})
	s.ask("store/me by the token", get, "/store/customers/me", request{Token: token})
	s.ask("store/orders by the token", get, "/store/customers/me/orders", request{Token: token})
	s.ask("admin/users by a customer's token", get, "/admin/users", request{Token: token})
	s.ask("auth/admin by a customer's token", get, "/admin/auth", request{Token: token})
	s.ask("auth/login", post, "/store/auth", request{Body: credentials(jane, password)})
	s.ask("store/me by the cookie", get, "/store/customers/me", request{Cookie: true})
	s.ask("store/orders by the cookie", get, "/store/customers/me/orders", request{Cookie: true})
	s.ask("admin/users by a customer's cookie", get, "/admin/users", request{Cookie: true})
	s.ask("auth/log out", del, "/store/auth", request{Cookie: true, Body: struct{}{}})
	s.ask("auth/log out again", del, "/store/auth", request{Cookie: true})
	s.ask("auth/log out nobody", del, "/store/auth", request{})
	s.ask("auth/log out nobody, admin", del, "/admin/auth", request{})
	s.ask("store/me after logging out", get, "/store/customers/me", request{Token: "garbage", Cookie: true})
}

func (s *side) converseAboutTheProfile() {
	const me = "/store/customers/me"
	jane := s.Email("jane")
	token := s.login("store", jane, password)
	s.ask("store/update", post, me, request{Token: token, Body: map[string]any{"first_name": "Janet", "metadata": map[string]any{"size": 7}}})
	s.ask("store/update with more", post, me, request{Token: token, Body: map[string]any{"bogus": 1}})
	s.ask("store/update with a number", post, me, request{Token: token, Body: map[string]any{"password": 5}})
	s.ask("store/update of nobody", post, me, request{Body: map[string]any{"password": changed}})
	s.ask("store/update nothing", post, me, request{Token: token, Body: struct{}{}})
	s.ask("store/update with broken JSON", post, me, request{Token: token, Text: `{x`})
	s.ask("store/update the address", post, me, request{Token: token, Body: map[string]any{"email": s.Email("other")}})
	s.ask("store/update the address back", post, me, request{Token: token, Body: map[string]any{"email": jane}})
	s.ask("store/update the password", post, me, request{Token: token, Body: map[string]any{"password": changed}})
	s.ask("store/me with the old token", get, me, request{Token: token})
	s.ask("auth/the old password", post, "/store/auth/token", request{Body: credentials(jane, password)})
	s.ask("auth/the new password", post, "/store/auth/token", request{Body: credentials(jane, changed)})
}

func (s *side) converseAboutReset() {
	const ask, reset = "/store/customers/password-token", "/store/customers/password-reset"
	jane := s.Email("jane")
	s.ask("auth/reset without an address", post, ask, request{Body: struct{}{}})
	s.ask("auth/reset of nobody", post, ask, request{Body: map[string]any{"email": s.Email("nobody")}})
	s.ask("auth/reset", post, ask, request{Body: map[string]any{"email": jane}})
	token := s.reset(s.t, "customer", jane)
	with := func(email, token string) request {
		return request{Body: map[string]any{"email": email, "token": token, "password": third}}
	}
	s.ask("store/me with the reset's token", get, "/store/customers/me", request{Token: token})
	s.ask("auth/new password with nothing", post, reset, request{Body: struct{}{}})
	s.ask("auth/new password with garbage", post, reset, with(jane, "garbage"))
	s.ask("auth/new password of nobody", post, reset, with(s.Email("nobody"), token))
	s.ask("auth/new password", post, reset, with(jane, token))
	s.ask("auth/new password again", post, reset, with(jane, token))
	s.ask("auth/login with the new password", post, "/store/auth", request{Body: credentials(jane, third)})
}

// converseAboutStaff makes a user, by whom another is invited.
func (s *side) converseAboutStaff() {
	grace, ada := s.Email("grace"), s.Email("ada")
	admin := s.login("admin", adminEmail, adminPassword)
	s.ask("admin/make a user without a password", post, "/admin/users", request{Token: admin, Body: map[string]any{"email": grace}})
	s.ask("admin/make a user as nobody", post, "/admin/users", request{Body: credentials(grace, password)})
	id := s.ask("admin/make a user", post, "/admin/users", request{Token: admin, Body: credentials(grace, password)}).Field("user.id")
	s.ask("admin/make a user again", post, "/admin/users", request{Token: admin, Body: credentials(grace, changed)})
	s.ask("auth/login of a user", post, "/admin/auth", request{Body: credentials(grace, password)})
	s.ask("auth/who is a user", get, "/admin/auth", request{Cookie: true})
	s.ask("admin/user by the cookie", get, "/admin/users/"+id, request{Cookie: true})
	s.ask("store/me by a user's cookie", get, "/store/customers/me", request{Cookie: true})
	s.ask("admin/invite", post, "/admin/invites", request{Cookie: true, Body: map[string]any{"user": ada, "role": "member"}})
	invite := s.backend.event(s.t, "invite.created", "user_email", ada)
	accept := func(token string) request {
		return request{Body: map[string]any{"token": token, "user": map[string]any{"first_name": "Ada", "password": password}}}
	}
	s.ask("admin/accept nothing", post, "/admin/invites/accept", request{Body: struct{}{}})
	s.ask("admin/accept garbage", post, "/admin/invites/accept", accept("garbage"))
	s.ask("admin/accept", post, "/admin/invites/accept", accept(invite))
	s.ask("admin/accept again", post, "/admin/invites/accept", accept(invite))
	s.ask("auth/login of who was invited", post, "/admin/auth", request{Body: credentials(ada, password)})
	s.ask("auth/reset of a user", post, "/admin/users/password-token", request{Body: map[string]any{"email": grace}})
	token := s.reset(s.t, "user", grace)
	s.ask("auth/new password of a user with garbage", post, "/admin/users/reset-password", request{Body: map[string]any{"token": "garbage", "password": changed}})
	s.ask("auth/new password of a user", post, "/admin/users/reset-password", request{Body: map[string]any{"email": grace, "token": token, "password": changed}})
	s.ask("auth/log out a user by the token", del, "/admin/auth", request{Token: s.login("admin", grace, changed)})
	bearer := s.login("admin", grace, changed)
	s.ask("admin/delete a user", del, "/admin/users/"+id, request{Token: admin})
	s.ask("admin/users of who was deleted", get, "/admin/users?fields=id&limit=1", request{Token: bearer})
	s.ask("auth/login of who was deleted", post, "/admin/auth", request{Body: credentials(grace, changed)})
}

func (s *side) converseAboutCustomersOfStaff() {
	cus := s.Email("cus")
	admin := s.login("admin", adminEmail, adminPassword)
	body := map[string]any{"email": cus, "password": password, "first_name": "C", "last_name": "U"}
	s.ask("admin/make a customer without a name", post, "/admin/customers", request{Token: admin, Body: credentials(cus, password)})
	id := s.ask("admin/make a customer", post, "/admin/customers", request{Token: admin, Body: body}).Field("customer.id")
	s.ask("admin/make a customer again", post, "/admin/customers", request{Token: admin, Body: body})
	s.ask("admin/rename a customer", post, "/admin/customers/"+id, request{Token: admin, Body: map[string]any{"first_name": "Cus"}})
	s.ask("auth/login of who was made", post, "/store/auth", request{Body: credentials(cus, password)})
	s.ask("admin/set a customer's password", post, "/admin/customers/"+id, request{Token: admin, Body: map[string]any{"password": changed}})
}
