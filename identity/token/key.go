package token

import (
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// MinSecret is the least length of an HS256 secret in bytes, which is that of
// the hash (RFC 7518, section 3.2).
const MinSecret = 32

// Key is a key of a Ring with the one algorithm that it is good for. NewSecret
// and ParsePEM make keys; the zero Key is refused by NewRing.
type Key struct {
	algorithm string
	kid       string // "" for a secret
	public    *jwk   // nil for a secret
	// The key itself lies in closures, because fmt shows the content of any other
	// unexported field, whatever methods its type has.
	sign   func(text string) (signature []byte, err error) // nil for a public key
	verify func(text string, signature []byte) error
}

// NewSecret makes an HS256 key of a shared secret, as Medusa's `jwtSecret` is
// one. A secret of less than MinSecret bytes can be guessed from a single token
// and is refused unless allowShort is set.
func NewSecret(secret identity.Secret, allowShort bool) (Key, error) {
	text := secret.Reveal()
	switch {
	case text == "":
		return Key{}, errors.New("the JWT secret is empty")
	case strings.Contains(text, "-----BEGIN "):
		// Used as a secret, a public key would let everybody sign.
		return Key{}, errors.New("the JWT secret is a PEM key: configure it as a key file")
	case len(text) < MinSecret && !allowShort:
		return Key{}, fmt.Errorf("the JWT secret has %d bytes and HS256 needs %d: use a longer one, "+
			"for example from `openssl rand -base64 48`, or set allow_short_secret", len(text), MinSecret)
	}
	var k Key
	k.use(jwt.SigningMethodHS256, []byte(text), []byte(text))
	return k, nil
}

// use gives the key its method, with what the method wants for signing (nil if
// it cannot) and for verifying.
func (k *Key) use(m jwt.SigningMethod, private, public any) {
	k.algorithm = m.Alg()
	if private != nil {
		k.sign = func(text string) ([]byte, error) { return m.Sign(text, private) }
	}
	k.verify = func(text string, signature []byte) error { return m.Verify(text, signature, public) }
}

// String describes the key without its secret part.
func (k Key) String() string {
	switch {
	case k.algorithm == "":
		return "no key"
	case k.public == nil:
		return k.algorithm + " [redacted]"
	}
	return k.algorithm + " " + k.kid
}
