package medusav1

import (
	"github.com/golang-jwt/jwt/v5"
)

// Invited returns the address that an invite is for, as Medusa wrote it, or "" if
// Medusa did not sign it. Whether it was accepted or has expired only Medusa knows
// (reference medusa-v1, section 5).
func (b *Backend) Invited(token string) string {
	var c struct {
		jwt.RegisteredClaims
		InviteID string `json:"invite_id"`
		Email    string `json:"user_email"`
	}
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return []byte(b.Secret.Reveal()), nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithTimeFunc(b.Clock))
	if err != nil || c.InviteID == "" {
		return ""
	}
	return c.Email
}
