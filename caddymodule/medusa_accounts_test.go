package caddymodule_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// An account that the backend had before moves over with the password that was
// typed, its id and its actor; others cannot take its address.
func TestMedusaMigration(t *testing.T) {
	s := openMedusa(t, ownSecret)
	id := s.medusa.Account("old@example.com", "old-password", "cus_old")
	register := s.post(t, "/auth/customer/emailpass/register", "", credentials("old@example.com", passphrase))
	register.want(t, http.StatusUnauthorized, `{"type":"unauthorized","message":"Identity with email already exists"}`)
	refused := `{"type":"unauthorized","message":"Invalid email or password"}`
	s.post(t, "/auth/customer/emailpass", "", credentials("old@example.com", "wrong")).want(t, http.StatusUnauthorized, refused)
	s.post(t, "/auth/customer/emailpass", "", credentials("new@example.com", "wrong")).want(t, http.StatusUnauthorized, refused)
	for range 2 {
		if claims := s.logIn(t, "old@example.com", "old-password"); claims["auth_identity_id"] != id || claims["actor_id"] != "cus_old" {
			t.Errorf("moved over as %v", claims)
		}
	}
	calls := s.medusa.Calls("POST /auth/customer/emailpass")
	s.post(t, "/auth/customer/emailpass", "", credentials("old@example.com", "wrong")).want(t, http.StatusUnauthorized, refused)
	s.medusa.Fault("", identitytest.MedusaFails)
	if claims := s.logIn(t, "old@example.com", "old-password"); claims["actor_id"] != "cus_old" {
		t.Errorf("without the backend: %v", claims)
	}
	s.post(t, "/auth/customer/emailpass", "", credentials("other@example.com", "wrong")).wantUnavailable(t)
	if n := s.medusa.Calls("POST /auth/customer/emailpass"); n != calls+1 {
		t.Errorf("the backend was asked %d times, want 1", n-calls)
	}
}

// Passwords cannot be guessed at the backend through the sidecar.
func TestMedusaMigrationIsLimited(t *testing.T) {
	s := openMedusa(t, ownSecret)
	s.medusa.Account("old@example.com", "old-password", "cus_old")
	for range 10 {
		s.post(t, "/auth/customer/emailpass", "", credentials("old@example.com", "guess"))
	}
	if n := s.medusa.Calls("POST /auth/customer/emailpass"); n != 10 {
		t.Errorf("%d guesses reached the backend", n)
	}
	s.post(t, "/auth/customer/emailpass", "", credentials("old@example.com", "old-password")).wantLimited(t)
	if n := s.medusa.Calls("POST /auth/customer/emailpass"); n != 10 {
		t.Error("the backend was asked")
	}
}

// A client that tries unknown addresses without end keeps itself from moving
// over, and nobody else.
func TestMedusaMigrationFlood(t *testing.T) {
	t.Setenv("TEST_MEDUSA_SECRET", medusaSecret)
	m := identitytest.NewMedusa(t, medusaSecret)
	s := &medusaShop{open(t, config{
		Global: "servers {\ntrusted_proxies static 127.0.0.1\n}", Site: medusaSite(m, ownSecret),
	}), m}
	m.Account("old@example.com", "old-password", "cus_old")
	from := func(client, email, pass string) response {
		return s.send(t, "POST", "/auth/customer/emailpass", credentials(email, pass), "X-Forwarded-For", client)
	}
	for n := range 200 {
		if from("192.0.2.1", fmt.Sprintf("nobody%d@example.com", n), "x").StatusCode == http.StatusTooManyRequests {
			break
		}
		if n == 199 {
			t.Error("nothing limits a client")
		}
	}
	wantStatus(t, from("192.0.2.2", "old@example.com", "old-password"), http.StatusOK)
}

func TestMedusaMigrationOff(t *testing.T) {
	s := openMedusa(t, "migrate_on_login off")
	s.medusa.Account("old@example.com", "old-password", "cus_old")
	wantStatus(t, s.post(t, "/auth/customer/emailpass", "", credentials("old@example.com", "old-password")), http.StatusUnauthorized)
	if n := s.medusa.Calls("POST /auth/customer/emailpass"); n != 0 {
		t.Errorf("the backend was asked %d times", n)
	}
}

// The shop's own subscriber delivers the token, for accounts of either side, and
// it sets our password once.
func TestMedusaReset(t *testing.T) {
	for name, options := range map[string]string{"secret of its own": ownSecret, "common secret": ""} {
		t.Run(name, func(t *testing.T) {
			s := openMedusa(t, options)
			bearer, _ := s.signUp(t, "Jane@example.com")
			wantStatus(t, s.become(t, bearer, "jane@example.com"), http.StatusOK)
			s.medusa.Account("old@example.com", "old-password", "cus_old")
			for typed, address := range map[string]string{"JANE@example.com": "jane@example.com", "old@example.com": "old@example.com"} {
				wantStatus(t, s.post(t, "/auth/customer/emailpass/reset-password", "", fmt.Sprintf(`{"identifier":%q}`, typed)), http.StatusCreated)
				var token string
				eventually(t, "it is noticed", func() bool {
					var asked []string
					asked, token = s.medusa.Requested()
					return slices.Contains(asked, address) && token != ""
				})
				update := func(path, pass string) response {
					return s.post(t, path, "Bearer "+token, fmt.Sprintf(`{"password":%q}`, pass))
				}
				wantStatus(t, update("/auth/user/emailpass/update", "x"), http.StatusUnauthorized)
				wantStatus(t, update("/auth/customer/emailpass/update", "new-password"), http.StatusOK)
				update("/auth/customer/emailpass/update", "later").want(t, http.StatusUnauthorized, `{"type":"unauthorized","message":"Invalid token"}`)
				if claims := s.logIn(t, typed, "new-password"); claims["actor_id"] == "" {
					t.Errorf("%s is nobody: %v", typed, claims)
				}
				wantStatus(t, s.post(t, "/auth/customer/emailpass", "", credentials(typed, cmp.Or(map[string]string{"JANE@example.com": passphrase}[typed], "old-password"))), http.StatusUnauthorized)
			}
			wantStatus(t, s.post(t, "/auth/token/refresh", bearer, ""), http.StatusUnauthorized)
		})
	}
}
