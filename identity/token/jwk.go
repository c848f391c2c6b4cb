package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
)

// jwk is a public key as a JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037).
type jwk struct {
	KeyType   string `json:"kty"`
	KeyID     string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
}

func newJWK(public any, algorithm string) (*jwk, error) {
	k := &jwk{Use: "sig", Algorithm: algorithm}
	encode := base64.RawURLEncoding.EncodeToString
	switch key := public.(type) {
	case *rsa.PublicKey:
		k.KeyType = "RSA"
		k.N, k.E = encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // 4, then both coordinates in full length
		if err != nil {
			return nil, fmt.Errorf("encoding the public key: %w", err)
		}
		size := len(point) / 2
		k.KeyType, k.Curve = "EC", key.Curve.Params().Name
		k.X, k.Y = encode(point[1:1+size]), encode(point[1+size:])
	case ed25519.PublicKey:
		k.KeyType, k.Curve, k.X = "OKP", "Ed25519", encode(key)
	}
	return k, nil
}

// thumbprint is the SHA-256 thumbprint of the key (RFC 7638). No value needs
// escaping: all are base64url or fixed names.
func (k *jwk) thumbprint() string {
	var canonical string
	switch k.KeyType {
	case "RSA":
		canonical = fmt.Sprintf(`{"e":"%s","kty":"RSA","n":"%s"}`, k.E, k.N)
	case "EC":
		canonical = fmt.Sprintf(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, k.Curve, k.X, k.Y)
	case "OKP":
		canonical = fmt.Sprintf(`{"crv":"%s","kty":"OKP","x":"%s"}`, k.Curve, k.X)
	}
	sum := sha256.Sum256([]byte(canonical))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// encodeJWKS writes the key set of the asymmetric keys in the order of the ring.
func encodeJWKS(keys []Key) ([]byte, error) {
	set := struct {
		Keys []*jwk `json:"keys"`
	}{Keys: []*jwk{}}
	for _, k := range keys {
		if k.public != nil {
			set.Keys = append(set.Keys, k.public)
		}
	}
	data, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("encoding the key set: %w", err)
	}
	return data, nil
}

// JWKS returns the public keys of the ring as a JSON Web Key Set (RFC 7517,
// section 5), `{"keys":[]}` when all keys are secrets.
func (r *Ring) JWKS() []byte { return slices.Clone(r.jwks) }
