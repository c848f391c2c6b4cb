package caddymodule_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
)

const v1Me = "/store/customers/me"

// session logs a browser in by the token and returns its cookie.
func (s *v1Shop) session(t testing.TB, header []string) string {
	t.Helper()
	r := s.send(t, "POST", "/auth/session", "", header...)
	wantStatus(t, r, http.StatusOK)
	cookie, _, _ := strings.Cut(r.Header.Get("Set-Cookie"), ";")
	return cookie
}

// A customer changes the password with the profile: who knew the old one is logged
// out, the browser in which it was done is not, and the backend knows nothing.
func TestV1ChangeOfPassword(t *testing.T) {
	s := openV1(t)
	bearer := s.as(t, "customer", v1Customer, v1CustomerPass)
	cookie, elsewhere := s.session(t, bearer), s.session(t, bearer)
	r := s.send(t, "POST", v1Me, `{"first_name":"Janet","email":"JANE@example.com","password":"`+passphrase+`"}`, "Cookie", cookie)
	wantStatus(t, r, http.StatusOK)
	fresh, _, _ := strings.Cut(r.Header.Get("Set-Cookie"), ";")
	if len(r.Header["Set-Cookie"]) != 1 || fresh == cookie || !strings.Contains(r.body, "Janet") {
		t.Errorf("got %s, cookies %q", r.body, r.Header["Set-Cookie"])
	}
	wantStatus(t, s.send(t, "GET", v1Me, "", "Cookie", fresh), http.StatusOK)
	for _, old := range [][]string{bearer, {"Cookie", cookie}, {"Cookie", elsewhere}} {
		wantStatus(t, s.send(t, "GET", v1Me, "", old...), http.StatusUnauthorized)
	}
	s.refusesLogin(t, "customer", v1Customer, v1CustomerPass)
	bearer = s.as(t, "customer", v1Customer, passphrase)
	if id := s.secret(t, v1Customer, v1CustomerPass, passphrase); id != s.customerID {
		t.Errorf("the customer is %s", id)
	}
	// By a token: it has ended too, and no cookie comes.
	r = s.send(t, "POST", v1Me, `{"password":"the third password"}`, bearer...)
	if wantStatus(t, r, http.StatusOK); r.Header["Set-Cookie"] != nil {
		t.Errorf("cookies %q", r.Header["Set-Cookie"])
	}
	wantStatus(t, s.send(t, "GET", v1Me, "", bearer...), http.StatusUnauthorized)
	s.as(t, "customer", v1Customer, "the third password")
}

// What the backend refuses, or does not answer, changes no password.
func TestV1ChangeOfPasswordIsRefused(t *testing.T) {
	s := openV1(t)
	bearer := s.as(t, "customer", v1Customer, v1CustomerPass)
	for body, want := range map[string]int{
		`{"password":"` + passphrase + `","phone":7}`:                   http.StatusBadRequest,
		`{"password":"` + passphrase + `","email":"other@example.com"}`: http.StatusBadRequest,
		`{"password":"` + strings.Repeat("x", 2000) + `"}`:              http.StatusBadRequest,
		`{"password":"` + passphrase + `"`:                              http.StatusBadRequest,
		`["password"]`:                                                  http.StatusBadRequest,
		`{"first_name":"` + strings.Repeat("x", 70_000) + `"}`:          http.StatusRequestEntityTooLarge,
	} {
		if r := s.send(t, "POST", v1Me, body, bearer...); r.StatusCode != want {
			t.Errorf("%.60s: %d %s, want %d", body, r.StatusCode, r.body, want)
		}
	}
	wantStatus(t, s.send(t, "POST", v1Me, `{"password":"`+passphrase+`"}`), http.StatusUnauthorized)
	s.medusa.Fault("POST "+v1Me, "500 before anything was done")
	wantStatus(t, s.send(t, "POST", v1Me, `{"password":"`+passphrase+`"}`, bearer...), http.StatusInternalServerError)
	wantStatus(t, s.send(t, "GET", v1Me, "", bearer...), http.StatusOK)
	s.as(t, "customer", v1Customer, v1CustomerPass)
}

// However a body is written, no password that somebody typed reaches the backend.
func TestV1BodiesOfChanges(t *testing.T) {
	s := openV1(t)
	id := s.customerID
	s.as(t, "customer", v1Customer, v1CustomerPass)
	derived := s.medusa.Account(id).Password
	body := `{"password":"` + passphrase + `"}`
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		body   string
		header []string
	}{
		"twice":          {`{"password":"x","password":"` + passphrase + `"}`, nil},
		"escaped":        {`{"p\u0061ssword":"` + passphrase + `"}`, nil},
		"compressed":     {packed.String(), []string{"Content-Encoding", "gzip"}},
		"another coding": {body, []string{"Content-Type", "application/json; charset=utf-16"}},
		"another type":   {body, []string{"Content-Type", "text/plain"}},
		"a slash":        {body, nil},
		"capitals":       {body, nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := map[string]string{"a slash": v1Me + "/", "capitals": "/STORE/Customers/ME"}[name]
			if path == "" {
				path = v1Me
			}
			pass := v1CustomerPass
			header := append(s.as(t, "customer", v1Customer, pass), test.header...)
			r := s.send(t, "POST", path, test.body, header...)
			if got := s.medusa.Account(id).Password; got != derived {
				t.Errorf("%d, and the backend has %q", r.StatusCode, got)
			}
			if len(test.header) > 0 && name != "another type" {
				wantStatus(t, r, http.StatusUnsupportedMediaType)
			}
			if r.StatusCode == http.StatusOK && name != "another type" { // it was changed here
				wantStatus(t, s.send(t, "POST", v1Me, `{"password":"`+pass+`"}`, s.as(t, "customer", v1Customer, passphrase)...), http.StatusOK)
			}
		})
	}
}

// A customer's credential must not set the password of a member of staff.
func TestV1ChangeOfPasswordOfStaff(t *testing.T) {
	s := openV1(t)
	wantStatus(t, s.send(t, "POST", "/admin/customers", credentials(v1Staff, passphrase), s.staff(t)...), http.StatusCreated)
	s.refusesLogin(t, "customer", v1Staff, passphrase) // one person has one password
	bearer := s.as(t, "customer", v1Staff, v1StaffPass)
	s.send(t, "POST", v1Me, `{"password":"`+passphrase+`"}`, bearer...).want(t, http.StatusBadRequest,
		`{"type":"not_allowed","message":"The password of this account can only be reset"}`)
	s.staff(t)
}
