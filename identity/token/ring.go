package token

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Config is what a Ring is made of.
type Config struct {
	// Keys of the ring: the first signs, all verify. At least one, and the
	// first must not be a public key.
	Keys []Key
	// Issuer and Audience are written into tokens as iss and aud and demanded
	// of them. Default: none, as in Medusa; what a token says is then ignored.
	Issuer, Audience string
	// Leeway is the difference of clocks that exp and nbf forgive. Default: 0,
	// as in Medusa.
	Leeway time.Duration
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

// Ring mints and verifies tokens. It implements identity.ResetTokens.
type Ring struct {
	signer           Key
	header           string // of the tokens that signer signs, encoded
	issuer, audience string
	validator        *jwt.Validator
	jwks             []byte

	// Candidates for a token: by its encoded header as we and Medusa write it,
	// by algorithm, and by kid among the asymmetric keys.
	byHeader    map[string][]Key
	byAlgorithm map[string][]Key
	byKeyID     map[string]Key
}

// NewRing checks the configuration and returns the ring. It wants a first key
// that can sign, and different kids.
func NewRing(c Config) (*Ring, error) {
	if len(c.Keys) == 0 {
		return nil, errors.New("a key ring needs at least one key")
	}
	if c.Leeway < 0 {
		return nil, fmt.Errorf("the leeway is negative: %s", c.Leeway)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	r := &Ring{
		signer: c.Keys[0], issuer: c.Issuer, audience: c.Audience,
		byHeader: map[string][]Key{}, byAlgorithm: map[string][]Key{}, byKeyID: map[string]Key{},
	}
	for n, k := range c.Keys {
		if err := r.add(k); err != nil {
			return nil, fmt.Errorf("key %d: %w", n+1, err)
		}
	}
	if r.signer.sign == nil {
		return nil, errors.New("the first key signs, so it cannot be a public key")
	}
	r.header = encodeHeader(r.signer.algorithm, r.signer.kid)
	options := []jwt.ParserOption{jwt.WithExpirationRequired(), jwt.WithLeeway(c.Leeway), jwt.WithTimeFunc(c.Clock)}
	if c.Issuer != "" {
		options = append(options, jwt.WithIssuer(c.Issuer))
	}
	if c.Audience != "" {
		options = append(options, jwt.WithAudience(c.Audience))
	}
	r.validator = jwt.NewValidator(options...)
	var err error
	r.jwks, err = encodeJWKS(c.Keys)
	return r, err
}

func (r *Ring) add(k Key) error {
	if k.algorithm == "" {
		return errors.New("not made by NewSecret or ParsePEM")
	}
	if k.public != nil {
		if _, ok := r.byKeyID[k.kid]; ok {
			return fmt.Errorf("another key has the kid %q", k.kid)
		}
		r.byKeyID[k.kid] = k
		r.byHeader[encodeHeader(k.algorithm, k.kid)] = []Key{k}
	}
	r.byAlgorithm[k.algorithm] = append(r.byAlgorithm[k.algorithm], k)
	r.byHeader[encodeHeader(k.algorithm, "")] = r.byAlgorithm[k.algorithm]
	return nil
}
