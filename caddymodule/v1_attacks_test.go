package caddymodule_test

import (
	"net/http"
	"testing"
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
