package caddymodule_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// v1Shop is a shop in front of a Medusa v1 with a customer and a member of staff
// of old.
type v1Shop struct {
	*shop
	medusa              *identitytest.MedusaV1
	customerID, staffID string
}

const (
	v1Customer, v1CustomerPass = "jane@example.com", "Passw0rd!"
	v1Staff, v1StaffPass       = "staff@example.com", "supersecret"
)

func openV1(t *testing.T) *v1Shop {
	t.Helper()
	t.Setenv("TEST_MEDUSA_SECRET", medusaSecret)
	m := identitytest.NewMedusaV1(t, medusaSecret)
	s := &v1Shop{medusa: m, customerID: m.Customer(v1Customer, v1CustomerPass), staffID: m.User(v1Staff, v1StaffPass)}
	s.shop = open(t, config{Site: `auth_sidecar {
		dialect v1 v2
		backend medusa_v1 ` + m.Server.URL + ` {
			timeout 1s
			` + ownSecret + `
		}
		cors https://shop.example.com
	}
	reverse_proxy ` + strings.TrimPrefix(m.Server.URL, "http://")})
	return s
}

// as logs somebody in and returns the header field.
func (s *v1Shop) as(t testing.TB, actorType, email, pass string) []string {
	t.Helper()
	bearer, _ := token(t, s.send(t, "POST", "/auth/"+actorType+"/emailpass", credentials(email, pass)))
	return []string{"Authorization", bearer}
}

func (s *v1Shop) staff(t testing.TB) []string { return s.as(t, "user", v1Staff, v1StaffPass) }

// refusesLogin checks that the password is not good.
func (s *v1Shop) refusesLogin(t testing.TB, actorType, email, pass string) {
	t.Helper()
	wantStatus(t, s.send(t, "POST", "/auth/"+actorType+"/emailpass", credentials(email, pass)), http.StatusUnauthorized)
}

// secret checks that the backend has an account with the address once, that its
// password is none of those typed, and returns its id.
func (s *v1Shop) secret(t testing.TB, email string, typed ...string) string {
	t.Helper()
	ids := s.medusa.IDs(email)
	if len(ids) != 1 {
		t.Fatalf("%s is %q at the backend", email, ids)
	}
	if a := s.medusa.Account(ids[0]); len(a.Password) < 40 || slices.Contains(typed, a.Password) {
		t.Errorf("the backend has the password %q", a.Password)
	}
	return ids[0]
}

// An address is one account whatever its case, as it is at the backend.
func TestV1MovesOverInAnySpelling(t *testing.T) {
	s := openV1(t)
	for _, email := range []string{"JANE@Example.com", v1Customer, "Jane@example.com"} {
		s.as(t, "customer", email, v1CustomerPass)
		s.refusesLogin(t, "customer", email, "wrong")
	}
	if id := s.secret(t, v1Customer, v1CustomerPass); id != s.customerID {
		t.Errorf("the customer is %s", id)
	}
}

// What a client holds is worth nothing at the backend, and the backend's cookie
// never reaches the client.
func TestV1Forwards(t *testing.T) {
	s := openV1(t)
	for _, who := range []struct{ actorType, email, pass, path, want string }{
		{"customer", v1Customer, v1CustomerPass, "/store/customers/me/orders", `"of":"` + s.customerID + `"`},
		{"user", v1Staff, v1StaffPass, "/admin/products", `"user_id":"` + s.staffID + `"`},
	} {
		header := s.as(t, who.actorType, who.email, who.pass)
		r := s.send(t, "GET", who.path, "", header...)
		if r.StatusCode != http.StatusOK || !strings.Contains(r.body, who.want) || r.Header["Set-Cookie"] != nil {
			t.Errorf("%s: %d %s, cookies %q", who.path, r.StatusCode, r.body, r.Header["Set-Cookie"])
		}
		r = s.send(t, "POST", "/auth/session", "", header...)
		cookie, _, _ := strings.Cut(r.Header.Get("Set-Cookie"), ";")
		r = s.send(t, "GET", who.path, "", "Cookie", "a=b; "+cookie)
		if r.StatusCode != http.StatusOK || !strings.Contains(r.body, who.want) || r.Header["Set-Cookie"] != nil {
			t.Errorf("%s by cookie: %d %s, cookies %q", who.path, r.StatusCode, r.body, r.Header["Set-Cookie"])
		}
		for _, seen := range s.medusa.Seen() {
			if seen.Get("Authorization") == header[1] || strings.Contains(seen.Get("Cookie"), "connect.sid") {
				t.Errorf("the backend saw %q", seen)
			}
		}
	}
	// A credential of one half is worth nothing in the other.
	wantStatus(t, s.send(t, "GET", "/admin/products", "", s.as(t, "customer", v1Customer, v1CustomerPass)...), http.StatusUnauthorized)
	wantStatus(t, s.send(t, "GET", "/store/customers/me", "", s.staff(t)...), http.StatusUnauthorized)
	// Who is nobody there yet comes as nobody.
	unregistered, _ := token(t, s.send(t, "POST", "/auth/customer/emailpass/register", credentials("new@example.com", passphrase)))
	s.send(t, "GET", "/store/x", "", "Authorization", unregistered).want(t, http.StatusOK, `{"authorization":"","cookie":"","customer_id":""}`+"\n")
	// Nor is one of the backend's own.
	wantStatus(t, s.send(t, "GET", "/admin/products", "", "Authorization", "Bearer garbage"), http.StatusUnauthorized)
	for path, want := range map[string]int{"/admin/products": http.StatusOK, "/admin/auth": http.StatusBadRequest, "/admin/auth/x": http.StatusNotFound} {
		wantStatus(t, s.send(t, "GET", path, "", "X-Medusa-Access-Token", "api-token"), want) // 400: the key is nobody's there
	}
}

// Accounts that staff make, or accept an invite for, get a password that nobody
// knows, and who has it here logs in.
func TestV1AccountsByStaff(t *testing.T) {
	for name, test := range map[string]struct {
		path, actorType string
		status          int
		key             bool // with an API key, which only the backend can judge
	}{
		"a user":                {"/admin/users", "user", http.StatusOK, false},
		"a customer":            {"/ADMIN/Customers/", "customer", http.StatusCreated, false},
		"a user, by an API key": {"/admin/users/", "user", http.StatusOK, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := openV1(t)
			header := []string{"X-Medusa-Access-Token", "api-token"}
			if !test.key {
				header = s.staff(t)
			}
			body := credentials("New@example.com", passphrase)
			wantStatus(t, s.send(t, "POST", test.path, body), http.StatusUnauthorized)
			wantStatus(t, s.send(t, "POST", test.path, body, "X-Medusa-Access-Token", "guess"), http.StatusUnauthorized)
			if ids := s.medusa.IDs("new@example.com"); len(ids) != 0 {
				t.Fatalf("strangers made %q", ids)
			}
			r := s.send(t, "POST", test.path, body, header...)
			wantStatus(t, r, test.status)
			id := s.secret(t, "new@example.com", passphrase)
			if !strings.Contains(r.body, id) || strings.Contains(r.body, "password_hash") {
				t.Errorf("the answer is %s", r.body)
			}
			_, claims := token(t, s.send(t, "POST", "/auth/"+test.actorType+"/emailpass", credentials("new@example.com", passphrase)))
			if claims["actor_id"] != id {
				t.Errorf("logged in as %v", claims)
			}
			again := s.send(t, "POST", test.path, credentials("new@example.com", "another password"), header...)
			if again.StatusCode/100 != 4 {
				t.Errorf("again: %d %s", again.StatusCode, again.body)
			}
			s.refusesLogin(t, test.actorType, "new@example.com", "another password")
		})
	}
}

func TestV1Invite(t *testing.T) {
	s := openV1(t)
	accept := func(invite, pass string) response {
		return s.send(t, "POST", "/admin/invites/accept", fmt.Sprintf(`{"token":%q,"user":{"first_name":"Ada","password":%q}}`, invite, pass))
	}
	invite := s.medusa.Invite("ada@example.com")
	accept("garbage", passphrase).want(t, http.StatusBadRequest, `{"type":"invalid_data","message":"Token is not valid"}`)
	accept(invite, "").want(t, http.StatusBadRequest, `{"type":"invalid_data","message":"password should not be empty"}`)
	if r := accept(invite, passphrase); r.StatusCode != http.StatusOK || r.body != "OK" {
		t.Fatalf("got %d %s", r.StatusCode, r.body)
	}
	id := s.secret(t, "ada@example.com", passphrase)
	if a := s.medusa.Account(id); a.FirstName != "Ada" {
		t.Errorf("the user is %+v", a)
	}
	wantStatus(t, accept(invite, "another password"), http.StatusBadRequest)
	s.refusesLogin(t, "user", "ada@example.com", "another password")
	_, claims := token(t, s.send(t, "POST", "/auth/user/emailpass", credentials("ada@example.com", passphrase)))
	if claims["actor_id"] != id {
		t.Errorf("logged in as %v", claims)
	}
	// Who was deleted is logged out, and the address is free.
	bearer := s.as(t, "user", "ada@example.com", passphrase)
	wantStatus(t, s.send(t, "DELETE", "/admin/users/"+id, "", s.staff(t)...), http.StatusOK)
	wantStatus(t, s.send(t, "GET", "/admin/products", "", bearer...), http.StatusUnauthorized)
	s.refusesLogin(t, "user", "ada@example.com", passphrase)
}

// Whoever registered an address before its owner was invited has nothing of it.
func TestV1InviteTakesTheAddress(t *testing.T) {
	s := openV1(t)
	bearer, _ := token(t, s.send(t, "POST", "/auth/customer/emailpass/register", credentials("ada@example.com", "a squatter's password")))
	invite := s.medusa.Invite("ada@example.com")
	wantStatus(t, s.send(t, "POST", "/admin/invites/accept", fmt.Sprintf(`{"token":%q,"user":{"password":%q}}`, invite, passphrase)), http.StatusOK)
	for _, actorType := range []string{"customer", "user"} {
		s.refusesLogin(t, actorType, "ada@example.com", "a squatter's password")
	}
	wantStatus(t, s.send(t, "POST", "/auth/token/refresh", "", "Authorization", bearer), http.StatusUnauthorized)
	s.as(t, "user", "ada@example.com", passphrase)
}

// A request that was broken off is repeated: the account is the same, once.
func TestV1AccountsAreCompleted(t *testing.T) {
	for name, path := range map[string]string{"a user": "/admin/users", "a customer": "/admin/customers", "an invite": "/admin/invites/accept"} {
		for _, fault := range []identitytest.MedusaFault{identitytest.MedusaFails, identitytest.MedusaLoses, identitytest.MedusaHangs} {
			t.Run(name+", "+string(fault), func(t *testing.T) {
				s := openV1(t)
				staff := s.staff(t)
				body := credentials("new@example.com", passphrase)
				if path == "/admin/invites/accept" {
					body = fmt.Sprintf(`{"token":%q,"user":{"password":%q}}`, s.medusa.Invite("new@example.com"), passphrase)
				}
				s.medusa.Fault("POST "+path, fault)
				if fault != identitytest.MedusaHangs { // else the proxy waits
					if r := s.send(t, "POST", path, body, staff...); r.StatusCode < 500 {
						t.Fatalf("got %d %s", r.StatusCode, r.body)
					}
				}
				s.medusa.Fault("POST "+path, "")
				// The account is made, and nobody can ask the backend about it.
				s.medusa.Fault("POST /admin/auth", identitytest.MedusaFails)
				s.medusa.Fault("POST /store/auth", identitytest.MedusaFails)
				r := s.send(t, "POST", path, body, staff...)
				if fault == identitytest.MedusaLoses || path == "/admin/invites/accept" {
					r.wantUnavailable(t)
				}
				s.medusa.Fault("POST /admin/auth", "")
				s.medusa.Fault("POST /store/auth", "")
				r = s.send(t, "POST", path, body, staff...)
				if r.StatusCode/100 != 2 && fault == identitytest.MedusaLoses {
					t.Fatalf("repeated: %d %s", r.StatusCode, r.body)
				}
				id := s.secret(t, "new@example.com", passphrase)
				actorType := map[bool]string{true: "customer", false: "user"}[path == "/admin/customers"]
				_, claims := token(t, s.send(t, "POST", "/auth/"+actorType+"/emailpass", credentials("new@example.com", passphrase)))
				if claims["actor_id"] != id {
					t.Errorf("logged in as %v, the backend has %s", claims, id)
				}
			})
		}
	}
}

// No spelling of a route that would bypass us reaches the backend.
func TestV1ClosedRoutes(t *testing.T) {
	s := openV1(t)
	staff := s.staff(t)
	login := credentials(v1Customer, "a guess")
	for sent, got := range map[string]string{
		"/store//auth": "", "/STORE/AUTH//": "", "/store/./auth": "", "/store/%61uth/token/x": "/store/auth/token/x", "/admin//auth/token": "",
		"/admin/auth/token/x": "", "/store//customers": "", "/store/customers//password-reset": "", "/admin/users//reset-password": "",
	} {
		r := s.send(t, "POST", sent, login)
		if n := s.medusa.Calls("POST " + cmp.Or(got, sent)); n != 0 || r.StatusCode/100 != 4 {
			t.Errorf("%s: %d %s, and the backend was asked %d times", sent, r.StatusCode, r.body, n)
		}
	}
	id := s.medusa.IDs(v1Customer)[0]
	s.send(t, "POST", "/admin/customers/"+id, `{"password":"set by staff","first_name":"J"}`, staff...).want(t, http.StatusBadRequest,
		`{"type":"not_allowed","message":"The password of a customer is set by the customer; ask for a reset at /store/customers/password-token"}`)
	wantStatus(t, s.send(t, "POST", "/admin/customers/"+id, `{"first_name":"J"}`, staff...), http.StatusOK)
	if a := s.medusa.Account(id); a.Password != v1CustomerPass {
		t.Errorf("the customer is %+v", a)
	}
}

// With the wrong secret nobody passes as somebody, nor as nobody.
func TestV1WrongSecret(t *testing.T) {
	s := openV1(t)
	header := s.as(t, "customer", v1Customer, v1CustomerPass)
	s.medusa.SetSecret("another")
	for _, path := range []string{"/store/customers/me", "/store/x"} {
		s.send(t, "GET", path, "", header...).wantUnavailable(t)
	}
	wantStatus(t, s.send(t, "GET", "/store/x", ""), http.StatusOK)
	if log := s.log(); !strings.Contains(log, `"reason":"backend_secret"`) || strings.Contains(log, medusaSecret) {
		t.Error("the log does not say that the secret is wrong, or says which it is")
	}
	s.medusa.SetSecret(medusaSecret)
	eventually(t, "the backend's state is noticed", func() bool {
		return s.send(t, "GET", "/store/customers/me", "", header...).StatusCode == http.StatusOK
	})
}

// Without its own dialect nobody could log in to it, and registrations would go by.
func TestV1NeedsItsDialect(t *testing.T) {
	s := openV1(t)
	for _, dialect := range []string{"", "dialect v2"} {
		err := s.load(config{Site: "auth_sidecar {\n" + dialect + "\nbackend medusa_v1 " + s.medusa.Server.URL + " {\n" + ownSecret + "\n}\n}"})
		if err == nil || !strings.Contains(err.Error(), `add "dialect v1"`) {
			t.Errorf("%q: %v", dialect, err)
		}
	}
}
