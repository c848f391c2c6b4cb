package caddymodule_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

const medusaSecret = "the-secret-of-medusa-itself-0123456789"

// medusaShop is a shop in front of a Medusa.
type medusaShop struct {
	*shop
	medusa *identitytest.Medusa
}

// openMedusa starts one. options are those of `backend medusa`.
func openMedusa(t *testing.T, options string) *medusaShop {
	t.Helper()
	t.Setenv("TEST_MEDUSA_SECRET", medusaSecret)
	m := identitytest.NewMedusa(t, medusaSecret)
	if !strings.Contains(options, "secret") {
		m.SetSecret(jwtSecret)
	}
	return &medusaShop{open(t, config{Site: medusaSite(m, options)}), m}
}

func medusaSite(m *identitytest.Medusa, options string) string {
	return `auth_sidecar {
		backend medusa ` + m.Server.URL + ` {
			timeout 1500ms
			` + options + `
		}
	}
	auth_require /admin/* user
	reverse_proxy ` + strings.TrimPrefix(m.Server.URL, "http://")
}

const ownSecret = "secret {env.TEST_MEDUSA_SECRET}"

func (s *medusaShop) post(t testing.TB, path, bearer, body string) response {
	t.Helper()
	var header []string
	if bearer != "" {
		header = []string{"Authorization", bearer}
	}
	return s.send(t, "POST", path, body, header...)
}

// token returns the bearer and the claims of an answer with a token.
func token(t testing.TB, r response) (string, jwt.MapClaims) {
	t.Helper()
	var p person
	p.take(t, r)
	return p.bearer, verified(t, strings.TrimPrefix(p.bearer, "Bearer "))
}

func (s *medusaShop) signUp(t testing.TB, email string) (bearer, id string) {
	t.Helper()
	bearer, claims := token(t, s.post(t, "/auth/customer/emailpass/register", "", credentials(email, passphrase)))
	id, _ = claims["auth_identity_id"].(string)
	return bearer, id
}

func (s *medusaShop) logIn(t testing.TB, email, pass string) jwt.MapClaims {
	t.Helper()
	_, claims := token(t, s.post(t, "/auth/customer/emailpass", "", credentials(email, pass)))
	return claims
}

func credentials(email, pass string) string {
	return fmt.Sprintf(`{"email":%q,"password":%q}`, email, pass)
}

func (s *medusaShop) become(t testing.TB, bearer, email string) response {
	t.Helper()
	return s.post(t, "/store/customers", bearer, fmt.Sprintf(`{"email":%q}`, email))
}

func wantStatus(t testing.TB, r response, status int) {
	t.Helper()
	if r.StatusCode != status {
		t.Fatalf("got %d %s, want %d", r.StatusCode, r.body, status)
	}
}
