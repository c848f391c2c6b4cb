package demoidp

import (
	"fmt"
	"net/http"
)

// Faults are ways to misbehave, for tests. The zero value behaves.
type Faults struct {
	// Answer may answer in place of an endpoint; it reports whether it did.
	Answer func(e Endpoint, w http.ResponseWriter, r *http.Request) bool
	// Document changes the discovery document.
	Document func(document map[string]any)
	// Claims changes those of ID tokens, UserInfo those of userinfo.
	Claims   func(claims map[string]any)
	UserInfo func(claims map[string]any)
	// Signing says how ID tokens are signed.
	Signing Signing
}

// Signing is a way to sign ID tokens.
type Signing string

// The ways.
const (
	Properly       Signing = ""
	Unsigned       Signing = "unsigned"         // algorithm none
	WithPublicKey  Signing = "with public key"  // HS256 with the text of the public key
	WithOtherKey   Signing = "with other key"   // another key under the published id
	WithUnknownKey Signing = "with unknown key" // another key under another id
)

// Misbehave makes the provider do so from now on, in place of what it did before.
func (p *Provider) Misbehave(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
}

// Rotate signs with a new key from now on and publishes that one alone.
func (p *Provider) Rotate() error {
	key, err := newSigningKey(p.algorithm)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key = key
	return nil
}

func (f Faults) sign(key signingKey, claims map[string]any) (string, error) {
	switch f.Signing {
	case Unsigned:
		return unsigned(claims)
	case WithPublicKey:
		return key.withPublicKey(claims)
	case WithOtherKey, WithUnknownKey:
		other, err := newSigningKey(string(key.algorithm))
		if err != nil {
			return "", fmt.Errorf("making another key: %w", err)
		}
		if f.Signing == WithOtherKey {
			other.id = key.id
		}
		return other.sign(claims)
	}
	return key.sign(claims)
}
