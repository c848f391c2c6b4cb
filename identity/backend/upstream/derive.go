package upstream

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Derive returns 32 bytes that are the same at every attempt, and that nobody
// finds who does not know the key.
func Derive(key identity.Secret, purpose string, p identity.ProviderIdentity) []byte {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(purpose + "\x00" + p.Provider + "\x00" + p.Key))
	return mac.Sum(nil)
}

// Password is that of p's account at the backend: nobody types it.
func Password(key identity.Secret, p identity.ProviderIdentity) string {
	return base64.RawURLEncoding.EncodeToString(Derive(key, "password", p))
}
