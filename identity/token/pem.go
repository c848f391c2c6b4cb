package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// minRSABits is the least size of an RSA key (RFC 7518, section 3.3).
const minRSABits = 2048

// ParsePEM makes a key of one PEM block: a private key (PKCS #8, PKCS #1 or SEC
// 1) signs and verifies, a public key (PKIX or PKCS #1) only verifies. The kind
// of key fixes the algorithm: RSA of at least 2048 bits RS256, ECDSA P-256 ES256
// and P-384 ES384, Ed25519 EdDSA. An empty kid becomes the key's thumbprint
// (RFC 7638).
func ParsePEM(data []byte, kid string) (Key, error) {
	parsed, err := parseBlock(data)
	if err != nil {
		return Key{}, err
	}
	var private any
	public := parsed
	if signer, ok := parsed.(crypto.Signer); ok {
		private, public = signer, signer.Public()
	}
	method, err := methodOf(public)
	if err != nil {
		return Key{}, err
	}
	var k Key
	k.use(method, private, public)
	k.public, err = newJWK(public, k.algorithm)
	if err != nil {
		return Key{}, err
	}
	k.kid = kid
	if kid == "" {
		k.kid = k.public.thumbprint()
	}
	k.public.KeyID = k.kid
	return k, nil
}

// parseBlock decodes the only key of a PEM text.
func parseBlock(data []byte) (any, error) {
	block, rest := pem.Decode(data)
	if block != nil && block.Type == "EC PARAMETERS" { // openssl ecparam writes them before the key
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, errors.New("no PEM key found")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, fmt.Errorf("the PEM text has a %s after the %s: one key per file", next.Type, block.Type)
	}
	var parsed any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		if block.Headers["DEK-Info"] != "" {
			return nil, errors.New("the private key is encrypted: decrypt it first")
		}
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		if block.Headers["DEK-Info"] != "" {
			return nil, errors.New("the private key is encrypted: decrypt it first")
		}
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	case "PUBLIC KEY":
		parsed, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		parsed, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the private key is encrypted: decrypt it first")
	default:
		return nil, fmt.Errorf("PEM type %q is neither a private nor a public key", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("parsing the %s: %w", block.Type, err)
	}
	return parsed, nil
}

func methodOf(public any) (jwt.SigningMethod, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits {
			return nil, fmt.Errorf("the RSA key has %d bits and RS256 needs %d", bits, minRSABits)
		}
		return jwt.SigningMethodRS256, nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return jwt.SigningMethodES256, nil
		case elliptic.P384():
			return jwt.SigningMethodES384, nil
		}
		return nil, fmt.Errorf("the curve %s is not supported: use P-256 or P-384", key.Curve.Params().Name)
	case ed25519.PublicKey:
		return jwt.SigningMethodEdDSA, nil
	}
	return nil, fmt.Errorf("keys of type %T are not supported: use RSA, ECDSA or Ed25519", public)
}
