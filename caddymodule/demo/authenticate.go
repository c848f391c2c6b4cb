package demo

import (
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// The actor types that the shop knows.
const (
	customerType = "customer"
	userType     = "user"
)

// Caller is who sent a request. The zero value is an anonymous caller.
type Caller struct {
	// ActorID is the customer's or user's id, "" while there is none.
	ActorID string
	// ActorType is "customer" or "user".
	ActorType string
	// IdentityID names the person to the auth layer; it is what creating an
	// actor needs.
	IdentityID string
}

// Authenticator finds out who sent a request. A credential that is not good
// makes the caller anonymous.
type Authenticator func(*http.Request) Caller

// MedusaAuthenticator knows callers by `Authorization: Bearer` as Medusa does
// (reference medusa-v2, section 5): HS256, HS384 or HS512 with the shared
// secret, exp not required, nbf honoured, no leeway, no issuer or audience.
// Cookies are not looked at.
func MedusaAuthenticator(secret []byte) Authenticator {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256", "HS384", "HS512"}))
	key := func(*jwt.Token) (any, error) { return secret, nil }
	return func(r *http.Request) Caller {
		// Medusa takes the first two words and ignores what follows.
		words := strings.Fields(r.Header.Get("Authorization"))
		if len(words) < 2 || !strings.EqualFold(words[0], "Bearer") {
			return Caller{}
		}
		var claims accessClaims
		if _, err := parser.ParseWithClaims(words[1], &claims, key); err != nil {
			return Caller{}
		}
		return Caller{
			ActorID:    claims.ActorID,
			ActorType:  claims.ActorType,
			IdentityID: claims.IdentityID,
		}
	}
}

type accessClaims struct {
	ActorID    string `json:"actor_id"`
	ActorType  string `json:"actor_type"`
	IdentityID string `json:"auth_identity_id"`
	jwt.RegisteredClaims
}

// LegacyAuthenticator believes the X-Auth-* headers, as a backend does that
// knows no tokens. Such a backend must be reachable through the sidecar only.
func LegacyAuthenticator() Authenticator {
	return func(r *http.Request) Caller {
		return Caller{
			ActorID:    r.Header.Get("X-Auth-Actor-Id"),
			ActorType:  r.Header.Get("X-Auth-Actor-Type"),
			IdentityID: r.Header.Get("X-Auth-Identity-Id"),
		}
	}
}
