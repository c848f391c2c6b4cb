package caddymodule_test

import (
	"os"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/caddymodule"
)

// The secrets of every test, in the environment as TEST_JWT_SECRET and
// TEST_COOKIE_SECRET.
const (
	jwtSecret    = "jwt-secret-of-the-tests-0123456789"
	cookieSecret = "cookie-secret-of-the-tests-0123456789"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"TEST_JWT_SECRET": jwtSecret, "TEST_COOKIE_SECRET": cookieSecret} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	caddymodule.SetDrainDelay(time.Second)
	os.Exit(m.Run())
}
