package oidc

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

// algorithms are those that a provider's public key verifies. Never none, never an
// HMAC, whose key would be the public one. (attacks.md D8)
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

var algorithmNames = func() []string {
	names := make([]string, len(algorithms))
	for n, a := range algorithms {
		names[n] = string(a)
	}
	return names
}()

// refetchAfter is how long a token with an unknown key id cannot make the keys be
// fetched again. go-oidc's own key set would ask the provider for every such token.
const refetchAfter = 10 * time.Second

var (
	errUnknownKey = errors.New("signed by a key that the provider does not publish")
	errSignature  = errors.New("the signature is wrong")
)

// published are the keys that a provider signs with.
type published struct {
	keys       []jose.JSONWebKey
	algorithms []string // that the provider signs with
}

// keySet verifies signatures with the provider's published keys. It implements
// the KeySet of go-oidc.
type keySet struct{ cached *cached[published] }

// VerifySignature returns the payload of a compact JWS. Errors: errUnknownKey,
// errSignature, or those of fetching the keys.
func (s keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, errSignature
	}
	p, err := s.cached.usable(ctx)
	if err != nil {
		return nil, err
	}
	payload, err := p.verify(signed)
	if !errors.Is(err, errUnknownKey) {
		return payload, err
	}
	// The provider may have begun to sign with a new key.
	if p, err = s.cached.within(ctx, refetchAfter); err != nil {
		return nil, err
	}
	return p.verify(signed)
}

// verify returns the payload if one of the keys that it may be signed with fits.
func (p published) verify(signed *jose.JSONWebSignature) ([]byte, error) {
	header := signed.Signatures[0].Header
	id, found := header.KeyID, errUnknownKey
	for _, key := range p.keys {
		if id != "" && key.KeyID != id || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := signed.Verify(key.Key); err == nil {
			return payload, nil
		}
		if id != "" { // without one, the key may be one that is new
			found = errSignature
		}
	}
	return nil, found
}

// fetchKeys fetches a JSON Web Key Set (RFC 7517).
func fetchKeys(ctx context.Context, client *oauth.Client, address string) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	status, err := client.GetJSON(ctx, address, nil, &set)
	switch {
	case err != nil:
		return nil, err
	case status != 200:
		return nil, oauth.Unusable("status " + strconv.Itoa(status) + " for its keys")
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		// What is not understood is passed over (RFC 7517, section 5).
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) == nil && usableKey(key) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, oauth.Unusable("no key to verify signatures with")
	}
	return keys, nil
}

// usableKey reports whether signatures may be verified with the key.
func usableKey(key jose.JSONWebKey) bool {
	if !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" {
		return false
	}
	if public, ok := key.Key.(*rsa.PublicKey); ok {
		return public.N.BitLen() >= 2048 // RFC 7518, section 3.3
	}
	return true
}
