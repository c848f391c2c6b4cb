package caddymodule_test

import (
	"net/http"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// The session secret is rotated between the two halves of a sign-up, of which the
// first one's answer got lost.
func TestMedusaSignUpOverARotation(t *testing.T) {
	s := openMedusa(t, ownSecret)
	const register = "POST /auth/customer/emailpass/register"
	s.medusa.Fault(register, identitytest.MedusaLoses)
	bearer, _ := s.signUp(t, "jane@example.com")
	s.medusa.Fault(register, "")
	t.Setenv("TEST_OLD_COOKIE_SECRET", cookieSecret)
	t.Setenv("TEST_COOKIE_SECRET", "new-cookie-secret-of-the-tests-0123456789")
	err := s.load(config{Site: medusaSite(s.medusa, ownSecret), Session: "secret {env.TEST_OLD_COOKIE_SECRET}"})
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, s.become(t, bearer, "jane@example.com"), http.StatusOK)
	if claims := s.logIn(t, "jane@example.com", passphrase); claims["actor_id"] == "" {
		t.Errorf("logged in as %v", claims)
	}
}
