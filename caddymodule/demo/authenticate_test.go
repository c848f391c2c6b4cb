package demo_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/caddymodule/demo"
)

func TestMedusaAuthenticator(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ada := demo.Caller{ActorType: "customer", ActorID: "cus_1", IdentityID: "authid_1"}
	claims := func(more jwt.MapClaims) jwt.MapClaims {
		c := jwt.MapClaims{"actor_type": "customer", "actor_id": "cus_1", "auth_identity_id": "authid_1"}
		for name, value := range more {
			c[name] = value
		}
		return c
	}
	hs256 := func(more jwt.MapClaims) string {
		return token(t, jwt.SigningMethodHS256, []byte(secret), claims(more))
	}
	good := hs256(nil)
	now := time.Now()
	tests := map[string]struct {
		authorization string
		want          demo.Caller
	}{
		"none":                  {"", nobody},
		"garbage":               {"Bearer garbage", nobody},
		"no scheme":             {good, nobody},
		"other scheme":          {"Basic " + good, nobody},
		"scheme alone":          {"Bearer", nobody},
		"without exp":           {"Bearer " + good, ada},
		"scheme in lower case":  {"bearer " + good, ada},
		"several spaces":        {"Bearer   " + good, ada},
		"words after the token": {"Bearer " + good + " more words", ada},
		"comma after the token": {"Bearer " + good + ", more", nobody},
		"HS384":                 {"Bearer " + token(t, jwt.SigningMethodHS384, []byte(secret), claims(nil)), ada},
		"HS512":                 {"Bearer " + token(t, jwt.SigningMethodHS512, []byte(secret), claims(nil)), ada},
		"not expired":           {"Bearer " + hs256(jwt.MapClaims{"exp": now.Add(time.Hour).Unix()}), ada},
		"expired":               {"Bearer " + hs256(jwt.MapClaims{"exp": now.Add(-time.Second).Unix()}), nobody},
		"not yet":               {"Bearer " + hs256(jwt.MapClaims{"nbf": now.Add(time.Hour).Unix()}), nobody},
		"other secret":          {"Bearer " + token(t, jwt.SigningMethodHS256, []byte("another"), claims(nil)), nobody},
		"alg none":              {"Bearer " + token(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil)), nobody},
		"RS256":                 {"Bearer " + token(t, jwt.SigningMethodRS256, key, claims(nil)), nobody},
		"reset token": {
			"Bearer " + token(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{
				"entity_id": "a@example.com", "provider": "emailpass", "actor_type": "customer", "purpose": "reset",
			}),
			demo.Caller{ActorType: "customer"}, // neither actor nor identity: good for nothing
		},
	}
	authenticate := demo.MedusaAuthenticator([]byte(secret))
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", tc.authorization)
			r.Header.Set("Cookie", "connect.sid=s%3Aabc.def")
			r.Header.Set("X-Auth-Actor-Id", "cus_2")
			r.Header.Set("X-Auth-Actor-Type", "customer")
			if got := authenticate(r); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestLegacyAuthenticator(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"actor_id": "cus_2", "actor_type": "customer"}))
	authenticate := demo.LegacyAuthenticator()
	if got := authenticate(r); got != nobody {
		t.Errorf("without the headers: got %+v", got)
	}
	r.Header.Set("X-Auth-Actor-Id", "cus_1")
	r.Header.Set("X-Auth-Actor-Type", "customer")
	r.Header.Set("X-Auth-Identity-Id", "authid_1")
	want := demo.Caller{ActorID: "cus_1", ActorType: "customer", IdentityID: "authid_1"}
	if got := authenticate(r); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// FuzzMedusaAuthenticator: nobody who does not have the secret is anybody.
func FuzzMedusaAuthenticator(f *testing.F) {
	for _, seed := range []string{
		"", "Bearer", "Bearer a.b.c", "bearer  eyJhbGciOiJub25lIn0.eyJhY3Rvcl9pZCI6ImN1c18xIn0.",
		"Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhY3Rvcl9pZCI6ImN1c18xIn0.AAAA", "Bearer ..", "\x00 \xff",
	} {
		f.Add(seed)
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		f.Fatal(err)
	}
	authenticate := demo.MedusaAuthenticator(key)
	f.Fuzz(func(t *testing.T, authorization string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Authorization"] = []string{authorization}
		if got := authenticate(r); got != nobody {
			t.Errorf("%q is %+v", authorization, got)
		}
	})
}
