package caddymodule_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// Somebody signs up, becomes a customer, is deleted, and may sign up again. The
// backend's id of the identity is ours, and what a client holds is worth nothing
// at a backend with a secret of its own.
func TestMedusaSignUp(t *testing.T) {
	for name, options := range map[string]string{"secret of its own": ownSecret, "common secret": ""} {
		t.Run(name, func(t *testing.T) {
			s := openMedusa(t, options)
			bearer, id := s.signUp(t, "Jane@example.com")
			if !strings.HasPrefix(id, "authid_01MEDUSA") || !slices.Equal(s.medusa.Addresses(), []string{"jane@example.com"}) {
				t.Errorf("the identity %s has no shadow: %q", id, s.medusa.Addresses())
			}
			wantStatus(t, s.become(t, bearer, "jane@example.com"), http.StatusOK)
			bearer, claims := token(t, s.post(t, "/auth/token/refresh", bearer, ""))
			if claims["actor_id"] != "cus_2" || s.logIn(t, "jane@example.com", passphrase)["actor_id"] != "cus_2" {
				t.Errorf("not linked: %v", claims)
			}
			r := s.send(t, "GET", "/store/x", "", "Authorization", bearer)
			if !strings.Contains(r.body, `"actor_id":"cus_2"`) || r.Header["Set-Cookie"] != nil {
				t.Errorf("got %s, cookies %q", r.body, r.Header["Set-Cookie"])
			}
			for _, forwarded := range s.medusa.Authorized() {
				own := forwarded == strings.TrimPrefix(bearer, "Bearer ")
				if own && options != "" {
					t.Error("the client's own token reached a backend that has a secret of its own")
				}
			}
			wantStatus(t, s.send(t, "DELETE", "/admin/customers/cus_2", "", "Authorization", "Basic c2s6"), http.StatusOK)
			wantStatus(t, s.post(t, "/auth/customer/emailpass", "", credentials("jane@example.com", passphrase)), http.StatusUnauthorized)
			wantStatus(t, s.post(t, "/auth/token/refresh", bearer, ""), http.StatusNotFound) // as Medusa
			bearer, _ = s.signUp(t, "jane@example.com")
			wantStatus(t, s.become(t, bearer, "jane@example.com"), http.StatusOK)
		})
	}
}

// The backend fails in any way at any moment of a sign-up: the same person gets
// the same customer in the end, once.
func TestMedusaFaults(t *testing.T) {
	const register, login, refresh, create = "POST /auth/customer/emailpass/register", "POST /auth/customer/emailpass", "POST /auth/token/refresh", "POST /store/customers"
	for _, test := range []struct {
		name     string
		fault    identitytest.MedusaFault
		route    string
		register int // what the registration answers meanwhile
		create   int // what the request for a customer answers meanwhile
	}{
		{"all down", identitytest.MedusaFails, "", 200, 503},
		{"all silent", identitytest.MedusaHangs, "", 200, 503},
		{"register fails", identitytest.MedusaFails, register, 200, 503},
		{"register loses its answer", identitytest.MedusaLoses, register, 200, 503},
		{"register hangs", identitytest.MedusaHangs, register, 200, 503},
		{"refresh fails", identitytest.MedusaFails, refresh, 200, 503},
		{"refresh hangs", identitytest.MedusaHangs, refresh, 200, 503},
		{"refresh loses its answer", identitytest.MedusaLoses, refresh, 200, 503},
		{"creation fails", identitytest.MedusaFails, create, 200, 500},
		{"creation loses its answer", identitytest.MedusaLoses, create, 200, 502},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := openMedusa(t, ownSecret)
			s.medusa.Fault(test.route, test.fault)
			r := s.post(t, "/auth/customer/emailpass/register", "", credentials("jane@example.com", passphrase))
			wantStatus(t, r, test.register)
			bearer, _ := token(t, r)
			// What the identity is and can prove does not depend on the backend.
			s.logIn(t, "jane@example.com", passphrase)
			_, claims := token(t, s.post(t, "/auth/token/refresh", bearer, ""))
			id := claims["auth_identity_id"]
			r = s.become(t, bearer, "jane@example.com")
			wantStatus(t, r, test.create)
			if test.create == http.StatusServiceUnavailable {
				r.wantUnavailable(t)
			}
			s.medusa.Fault(test.route, "")
			eventually(t, "the backend's state is noticed", func() bool { // the verdict on the backend is a second old at most
				r = s.become(t, bearer, "jane@example.com")
				return r.StatusCode != http.StatusServiceUnavailable
			})
			if r.StatusCode != http.StatusOK && r.StatusCode != http.StatusUnprocessableEntity { // the latter is Medusa's word for again
				t.Fatalf("got %d %s", r.StatusCode, r.body)
			}
			claims = s.logIn(t, "jane@example.com", passphrase)
			if actor, _ := claims["actor_id"].(string); !strings.HasPrefix(actor, "cus_") || claims["auth_identity_id"] != id {
				t.Errorf("identity %s, after the fault %v", id, claims)
			}
			if n, shadows := s.medusa.Customers(), s.medusa.Addresses(); n != 1 || len(shadows) != 1 {
				t.Errorf("%d customers, shadows %q", n, shadows)
			}
			bearer, _ = token(t, s.post(t, "/auth/token/refresh", bearer, ""))
			if r := s.send(t, "GET", "/store/x", "", "Authorization", bearer); !strings.Contains(r.body, `"cus_`) || !strings.Contains(r.body, "authid_01MEDUSA") {
				t.Errorf("the backend sees %s", r.body)
			}
		})
	}
}

// With the wrong secret nobody passes as somebody, nor as nobody, and the log
// says why.
func TestMedusaWrongSecret(t *testing.T) {
	s := openMedusa(t, ownSecret)
	bearer, _ := s.signUp(t, "jane@example.com")
	s.medusa.SetSecret("another")
	s.send(t, "GET", "/store/x", "", "Authorization", bearer).wantUnavailable(t)
	s.become(t, bearer, "jane@example.com").wantUnavailable(t)
	s.logIn(t, "jane@example.com", passphrase)
	if r := s.send(t, "GET", "/store/x", ""); r.StatusCode != http.StatusOK {
		t.Errorf("anonymous: %d", r.StatusCode)
	}
	if log := s.log(); !strings.Contains(log, `"level":"error"`) || !strings.Contains(log, `"reason":"backend_secret"`) || strings.Contains(log, medusaSecret) {
		t.Error("the log does not say that the secret is wrong, or says which it is")
	}
	s.medusa.SetSecret(medusaSecret)
	eventually(t, "the backend's state is noticed", func() bool {
		return s.send(t, "GET", "/store/x", "", "Authorization", bearer).StatusCode == http.StatusOK
	})
	if n := s.medusa.Customers(); n != 0 {
		t.Errorf("%d customers", n)
	}
}

// What a backend lost is made again, and an address there that is not ours is
// left alone.
func TestMedusaShadowIsRepaired(t *testing.T) {
	s := openMedusa(t, ownSecret)
	bearer, id := s.signUp(t, "jane@example.com")
	s.medusa.Lose("jane@example.com")
	wantStatus(t, s.become(t, bearer, "jane@example.com"), http.StatusOK)
	claims := s.logIn(t, "jane@example.com", passphrase)
	if claims["auth_identity_id"] != id || claims["actor_id"] == "" {
		t.Errorf("after the repair: %v", claims)
	}

	s.medusa.Fault("", identitytest.MedusaFails)
	bearer, _ = s.signUp(t, "old@example.com")
	s.medusa.Fault("", "")
	s.medusa.Account("old@example.com", "old-password", "cus_old")
	eventually(t, "the backend's state is noticed", func() bool {
		r := s.become(t, bearer, "old@example.com")
		if r.StatusCode == http.StatusServiceUnavailable {
			return false
		}
		r.want(t, http.StatusUnauthorized, `{"type":"unauthorized","message":"Identity with email already exists"}`)
		return true
	})
}

// Wherever our routes are, the backend's own are for the sidecar alone.
func TestMedusaOwnRoutesAreClosed(t *testing.T) {
	m := identitytest.NewMedusa(t, jwtSecret)
	site := strings.Replace(medusaSite(m, ""), "auth_sidecar {", "auth_sidecar {\nprefix /account", 1)
	s := &medusaShop{open(t, config{Site: site}), m}
	const notFound = `{"type":"not_found","message":"There is no such route"}`
	for _, path := range []string{"/auth/customer/emailpass", "/AUTH/customer/emailpass", "/%61uth/customer/emailpass", "//auth/customer/emailpass", "/auth"} {
		s.post(t, path, "", credentials("jane@example.com", passphrase)).want(t, http.StatusNotFound, notFound)
	}
	if n := m.Calls("POST /auth/customer/emailpass"); n != 0 {
		t.Errorf("%d requests reached the backend", n)
	}
	wantStatus(t, s.post(t, "/account/customer/emailpass/register", "", credentials("jane@example.com", passphrase)), http.StatusOK)
}

// A user can be made of an identity only by an address that its provider
// verified, and emailpass verifies none.
func TestMedusaUserByProvider(t *testing.T) {
	s := openMedusa(t, ownSecret)
	bearer, _ := token(t, s.post(t, "/auth/user/emailpass/register", "", credentials("ada@example.com", passphrase)))
	s.post(t, "/auth/emailpass/user", bearer, "{}").want(t, http.StatusBadRequest, `{"type":"invalid_data","message":"Email is required to create a user account."}`)
	if n := s.medusa.Calls("POST /auth/emailpass/user"); n != 0 {
		t.Errorf("%d requests reached the backend", n)
	}
}

func TestMedusaShadows(t *testing.T) {
	t.Run("random", func(t *testing.T) {
		s := openMedusa(t, "shadow random")
		bearer, _ := s.signUp(t, "jane@example.com")
		wantStatus(t, s.become(t, bearer, "jane@example.com"), http.StatusOK)
		addresses := s.medusa.Addresses()
		if len(addresses) != 1 || !strings.HasPrefix(addresses[0], "shadow-") || !strings.HasSuffix(addresses[0], "@sidecar.invalid") {
			t.Errorf("shadows %q", addresses)
		}
	})
	t.Run("off", func(t *testing.T) {
		s := openMedusa(t, "shadow off")
		bearer, _ := s.signUp(t, "jane@example.com")
		wantStatus(t, s.become(t, bearer, "jane@example.com"), http.StatusNotFound)
		if addresses := s.medusa.Addresses(); len(addresses) != 0 {
			t.Errorf("shadows %q", addresses)
		}
	})
}

// A session reaches the backend as a token, a cookie of the backend's own not at
// all, and API keys pass to /admin for the backend to judge.
func TestMedusaCredentials(t *testing.T) {
	s := openMedusa(t, ownSecret)
	bearer, _ := s.signUp(t, "jane@example.com")
	wantStatus(t, s.become(t, bearer, "jane@example.com"), http.StatusOK)
	bearer, _ = token(t, s.post(t, "/auth/token/refresh", bearer, ""))
	cookie := s.shop.logIn(t, person{bearer: bearer}, "")
	var seen struct {
		ActorID string `json:"actor_id"`
		Cookie  string
	}
	r := s.send(t, "GET", "/store/x", "", "Cookie", "a=1; "+cookie)
	if err := json.Unmarshal([]byte(r.body), &seen); err != nil || seen.ActorID != "cus_2" || seen.Cookie != "a=1" {
		t.Errorf("the backend saw %s", r.body)
	}
	wantStatus(t, s.send(t, "GET", "/admin/products", ""), http.StatusUnauthorized)
	wantStatus(t, s.send(t, "GET", "/admin/products", "", "Authorization", bearer), http.StatusUnauthorized)
	wantStatus(t, s.send(t, "GET", "/admin/products", "", "Authorization", "Basic c2s6"), http.StatusOK)
	if r.Header.Get("X-Auth-Actor-Id") != "" {
		t.Error("headers are on")
	}
}
