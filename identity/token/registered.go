package token

import (
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// checkRegistered judges exp, nbf and, when configured, iss and aud, and
// returns iat (0 when absent) and exp.
func (r *Ring) checkRegistered(o *object) (issuedAt, expiresAt int64, err error) {
	var c jwt.RegisteredClaims
	issuedAt, _ = o.seconds("iat")
	expiresAt, ok := o.seconds("exp")
	if ok {
		c.ExpiresAt = &jwt.NumericDate{Time: time.Unix(expiresAt, 0)}
	}
	if notBefore, ok := o.seconds("nbf"); ok {
		c.NotBefore = &jwt.NumericDate{Time: time.Unix(notBefore, 0)}
	}
	if r.issuer != "" {
		c.Issuer = o.text("iss")
	}
	if r.audience != "" {
		o.decode("aud", &c.Audience)
	}
	if o.err != nil {
		return 0, 0, refuse(reasonClaims, o.err)
	}
	err = r.validator.Validate(c)
	switch {
	case err == nil:
		return issuedAt, expiresAt, nil
	case errors.Is(err, jwt.ErrTokenExpired):
		return 0, 0, refuse(reasonExpired, err)
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return 0, 0, refuse(reasonNotYetValid, err)
	}
	return 0, 0, refuse(reasonClaims, err)
}
