package caddymodule_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// Somebody registers an address that we read as that of a person who has not moved
// over, and Medusa as another one. Neither staff nor customers are kept out.
func TestV1SquattedSpelling(t *testing.T) {
	s := openV1(t)
	for _, c := range []struct{ path, email string }{
		{"/store/customers", "staff@ex\u24d0mple.com"},
		{"/auth/customer/emailpass/register", "jane@\u24d4xample.com"},
		{"/auth/customer/emailpass/register", "jane@\uff45xample.com"},
		{"/store/customers", "jane@example\u3002com"},
	} {
		if r := s.send(t, "POST", c.path, credentials(c.email, "a squatter's password")); r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", c.email, r.StatusCode, r.body)
		}
	}
	if r := s.send(t, "POST", "/admin/auth", credentials(v1Staff, v1StaffPass)); r.StatusCode != http.StatusOK {
		t.Errorf("staff: %d %s", r.StatusCode, r.body)
	}
	if r := s.send(t, "POST", "/store/auth", credentials(v1Customer, v1CustomerPass)); r.StatusCode != http.StatusOK {
		t.Errorf("customer: %d %s", r.StatusCode, r.body)
	}
}

// Medusa deletes a user at every path that Express takes for the route, and the
// sidecar notices at each.
func TestV1DeletedUser(t *testing.T) {
	s := openV1(t)
	staff := s.staff(t)
	for name, path := range map[string]string{
		"a": "/admin/users/", "b": "/admin//users/", "c": "/admin/users//", "d": "/admin//users//", "e": "/ADMIN/Users/",
	} {
		email := name + "@example.com"
		if r := s.send(t, "POST", "/admin/users", credentials(email, passphrase), staff...); r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", path, r.StatusCode, r.body)
		}
		gone := s.as(t, "user", email, passphrase)
		if r := s.send(t, "DELETE", path+s.medusa.IDs(email)[0], "", staff...); r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", path, r.StatusCode, r.body)
		}
		if r := s.send(t, "GET", "/admin/products", "", gone...); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: the old token: %d %s", path, r.StatusCode, r.body)
		}
		if r := s.send(t, "POST", "/admin/auth/token", credentials(email, passphrase)); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: a new token: %d %s", path, r.StatusCode, r.body)
		}
	}
}

// Somebody deletes a user past the sidecar, by the database or by Medusa's own
// port. No route of either dialect makes anything new of what they have.
func TestV1UserDeletedPastTheSidecar(t *testing.T) {
	for name, path := range map[string]string{
		"a log-in": "/auth/user/emailpass", "a token": "/admin/auth/token", "a session": "/admin/auth",
		"a refreshed token": "/auth/token/refresh", "a session of a token": "/auth/session",
	} {
		t.Run(name, func(t *testing.T) {
			s := openV1(t)
			staff := s.staff(t)
			ask := func() response { return s.send(t, "POST", path, credentials(v1Staff, v1StaffPass), staff...) }
			wantStatus(t, ask(), http.StatusOK)
			s.medusa.Break(true)
			ask().wantUnavailable(t)
			s.medusa.Break(false)
			wantStatus(t, ask(), http.StatusOK)
			s.medusa.Remove(s.staffID)
			if r := ask(); r.StatusCode != http.StatusUnauthorized || r.Header["Set-Cookie"] != nil {
				t.Errorf("%d %s, cookies %q", r.StatusCode, r.body, r.Header["Set-Cookie"])
			}
			wantStatus(t, s.send(t, "GET", "/admin/products", "", staff...), http.StatusUnauthorized)
			s.refusesLogin(t, "user", v1Staff, v1StaffPass)
		})
	}
}

// Staff who make a customer account do not keep a user of old out, who is told of
// by their address alone.
func TestV1CustomerWithTheAddressOfAUser(t *testing.T) {
	s := openV1(t)
	m := s.medusa
	m.User("second@example.com", "theirs")
	staff := s.staff(t)
	make := func() response {
		return s.send(t, "POST", "/admin/customers", credentials("Second@example.com", passphrase), staff...)
	}
	make().want(t, http.StatusBadRequest, `{"type":"not_allowed","message":"A user has this email and has not logged in here yet; that comes first"}`)
	m.Fault("GET /admin/users", identitytest.MedusaFails)
	make().wantUnavailable(t)
	m.Fault("GET /admin/users", "")
	if ids := m.IDs("second@example.com"); len(ids) != 1 {
		t.Errorf("there are %q", ids)
	}
	wantStatus(t, s.send(t, "POST", "/admin/auth", credentials("second@example.com", "theirs")), http.StatusOK)
	wantStatus(t, make(), http.StatusCreated)
	wantStatus(t, s.send(t, "POST", "/store/auth", credentials("second@example.com", "theirs")), http.StatusOK)
	s.refusesLogin(t, "customer", "second@example.com", passphrase)
}

// The exchange of the password at Medusa fails just when somebody moves over. It
// takes place as soon as it can.
func TestV1OldPasswordIsReplacedLater(t *testing.T) {
	s := openV1(t)
	s.medusa.Fault("POST /store/customers/me", identitytest.MedusaFails)
	wantStatus(t, s.send(t, "POST", "/store/auth/token", credentials(v1Customer, v1CustomerPass)), http.StatusOK)
	if a := s.medusa.Account(s.customerID); a.Password != v1CustomerPass {
		t.Fatalf("the customer is %+v", a)
	}
	s.medusa.Fault("POST /store/customers/me", "")
	eventually(t, "the password is replaced", func() bool { return s.medusa.Account(s.customerID).Password != v1CustomerPass })
	s.secret(t, v1Customer, v1CustomerPass)
	wantStatus(t, s.send(t, "POST", "/store/auth/token", credentials(v1Customer, v1CustomerPass)), http.StatusOK)
	if log := s.log(); !strings.Contains(log, "keeps its old password at the backend for now") || strings.Contains(log, v1CustomerPass) {
		t.Error("the log does not say so, or says which password it is")
	}
}

// Of what is forged as a reset token of Medusa's, it hears no more than of guessed
// passwords.
func TestV1ForgedResets(t *testing.T) {
	s := openV1(t)
	const route = "/store/customers/password-reset"
	forged := "e30.eyJjdXN0b21lcl9pZCI6ImN1c18xIiwiZXhwIjo5OTk5OTk5OTk5fQ.AAAA" // {"customer_id":"cus_1","exp":9999999999}
	for n := range 12 {
		r := s.send(t, "POST", route, `{"email":"`+v1Customer+`","token":"`+forged+`","password":"`+passphrase+`"}`)
		if n < 10 {
			wantStatus(t, r, http.StatusUnauthorized)
		} else {
			r.wantLimited(t)
		}
	}
	if n := s.medusa.Calls("POST " + route); n != 10 {
		t.Errorf("Medusa was asked %d times", n)
	}
}

// The session secret is rotated while an answer is lost: who repeats the request
// has the account.
func TestV1SignUpOverARotation(t *testing.T) {
	t.Setenv("TEST_MEDUSA_SECRET", medusaSecret)
	t.Setenv("TEST_NEW_COOKIE_SECRET", "new-cookie-secret-of-the-tests-0123456789")
	m := identitytest.NewMedusaV1(t, medusaSecret)
	with := func(secrets string) config {
		return config{NoKeys: true, Session: "secret " + secrets, Site: "auth_sidecar {\ndialect v1\nbackend medusa_v1 " + m.Server.URL +
			" {\n" + ownSecret + "\n}\n}\nreverse_proxy " + strings.TrimPrefix(m.Server.URL, "http://")}
	}
	s := open(t, with("{env.TEST_COOKIE_SECRET}"))
	register := func() response {
		return s.send(t, "POST", "/store/customers", credentials("new@example.com", passphrase))
	}
	m.Fault("POST /store/customers", identitytest.MedusaLoses)
	register().wantUnavailable(t)
	m.Fault("POST /store/customers", "")
	s.mustLoad(with("{env.TEST_NEW_COOKIE_SECRET} {env.TEST_COOKIE_SECRET}"))
	if r := register(); r.StatusCode != http.StatusOK || !strings.Contains(r.body, m.IDs("new@example.com")[0]) {
		t.Errorf("repeated: %d %s", r.StatusCode, r.body)
	}
}

// A customer deleted past the sidecar is refused as Medusa does, and may register
// again.
func TestV1CustomerDeletedPastTheSidecar(t *testing.T) {
	s := openV1(t)
	jane := s.as(t, "customer", v1Customer, v1CustomerPass)
	s.medusa.Remove(s.customerID)
	for range 2 {
		r := s.send(t, "POST", "/store/auth", credentials(v1Customer, v1CustomerPass))
		if r.StatusCode != http.StatusUnauthorized || r.body != "Unauthorized" || r.Header["Set-Cookie"] != nil {
			t.Errorf("%d %s, cookies %q", r.StatusCode, r.body, r.Header["Set-Cookie"])
		}
	}
	wantStatus(t, s.send(t, "GET", "/store/customers/me", "", jane...), http.StatusUnauthorized)
	wantStatus(t, s.send(t, "POST", "/store/customers", credentials(v1Customer, passphrase)), http.StatusOK)
	wantStatus(t, s.send(t, "POST", "/store/auth", credentials(v1Customer, passphrase)), http.StatusOK)
}

// Only who may make accounts hears that an address is a user's: a key is the
// backend's to judge, and a customer's token is none of a user.
func TestV1NobodyLearnsWhoIsAUser(t *testing.T) {
	s := openV1(t)
	customer := s.as(t, "customer", v1Customer, v1CustomerPass)
	boss := "boss@example.com"
	id := s.medusa.User(boss, "the boss's")
	const path = "/admin/customers"
	body := `{"email":%q,"password":"chosen by staff","first_name":"B","last_name":"B"}`
	for name, header := range map[string][]string{
		"a guessed key":      {"X-Medusa-Access-Token", "guess"},
		"a customer's token": customer,
		"both":               append([]string{"X-Medusa-Access-Token", "guess"}, customer...),
	} {
		is := s.send(t, "POST", path, fmt.Sprintf(body, boss), header...)
		not := s.send(t, "POST", path, fmt.Sprintf(body, "nobody@example.com"), header...)
		if is.StatusCode != http.StatusUnauthorized || is.StatusCode != not.StatusCode || is.body != not.body {
			t.Errorf("%s: %d %s, and of nobody %d %s", name, is.StatusCode, is.body, not.StatusCode, not.body)
		}
	}
	const refusal = `{"type":"not_allowed","message":"A user has this email and has not logged in here yet; that comes first"}`
	s.send(t, "POST", path, fmt.Sprintf(body, boss), "X-Medusa-Access-Token", "api-token").want(t, http.StatusBadRequest, refusal)
	s.send(t, "POST", path, fmt.Sprintf(body, boss), s.staff(t)...).want(t, http.StatusBadRequest, refusal)
	if ids := s.medusa.IDs(boss); len(ids) != 1 || ids[0] != id {
		t.Errorf("%s is %q at the backend", boss, ids)
	}
}
