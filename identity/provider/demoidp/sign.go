package demoidp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// signingKey signs ID tokens.
type signingKey struct {
	id        string
	algorithm jose.SignatureAlgorithm
	key       crypto.Signer
}

func newSigningKey(algorithm string) (signingKey, error) {
	var (
		key crypto.Signer
		err error
	)
	switch algorithm {
	case string(jose.RS256):
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case string(jose.ES256):
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		err = errors.New("use RS256 or ES256")
	}
	if err != nil {
		return signingKey{}, fmt.Errorf("demoidp: making a key for %q: %w", algorithm, err)
	}
	return signingKey{rand.Text(), jose.SignatureAlgorithm(algorithm), key}, nil
}

// published returns the key set without what is private.
func (k signingKey) published() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{
		Key: k.key.Public(), KeyID: k.id, Algorithm: string(k.algorithm), Use: "sig",
	}}}
}

func (k signingKey) sign(claims map[string]any) (string, error) {
	return sign(jose.SigningKey{Algorithm: k.algorithm, Key: jose.JSONWebKey{Key: k.key, KeyID: k.id}}, claims)
}

func sign(key jose.SigningKey, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encoding claims: %w", err)
	}
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("making a signer: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return signed.CompactSerialize()
}

// unsigned returns a token with the algorithm `none` (RFC 7519, section 6).
func unsigned(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encoding claims: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode(payload) + ".", nil
}

// withPublicKey signs with an HMAC whose key is the text of the public key: what
// a verifier takes for right that lets the token choose the algorithm.
func (k signingKey) withPublicKey(claims map[string]any) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(k.key.Public())
	if err != nil {
		return "", fmt.Errorf("encoding the public key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return sign(jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: text, KeyID: k.id}}, claims)
}
