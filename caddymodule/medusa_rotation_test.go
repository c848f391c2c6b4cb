package caddymodule_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// The session secret is rotated between the two halves of a sign-up, of which the
// first one's answer got lost.
func TestMedusaSignUpOverARotation(t *testing.T) {
	t.Setenv("TEST_MEDUSA_SECRET", medusaSecret)
	t.Setenv("TEST_NEW_COOKIE_SECRET", "new-cookie-secret-of-the-tests-0123456789")
	m := identitytest.NewMedusa(t, medusaSecret)
	with := func(secrets string) config {
		return config{Site: medusaSite(m, ownSecret), NoKeys: true, Session: "secret " + secrets} // the key of tokens is generated
	}
	s := &medusaShop{open(t, with("{env.TEST_COOKIE_SECRET}")), m}
	const register = "POST /auth/customer/emailpass/register"
	m.Fault(register, identitytest.MedusaLoses)
	r := s.post(t, "/auth/customer/emailpass/register", "", credentials("jane@example.com", passphrase))
	var got struct{ Token string }
	if err := json.Unmarshal([]byte(r.body), &got); err != nil || got.Token == "" {
		t.Fatalf("got %d %s", r.StatusCode, r.body)
	}
	m.Fault(register, "")
	s.mustLoad(with("{env.TEST_NEW_COOKIE_SECRET} {env.TEST_COOKIE_SECRET}"))
	wantStatus(t, s.become(t, "Bearer "+got.Token, "jane@example.com"), http.StatusOK)
	if addresses := m.Addresses(); len(addresses) != 1 {
		t.Errorf("shadows %q", addresses)
	}
}
