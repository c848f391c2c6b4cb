package limit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// pseudonymBytes are enough that no two names have one pseudonym.
const pseudonymBytes = 16

// pseudonym returns what stands for a name where others may read it, in Redis and
// in logs. A plain hash would not do: there are few enough addresses to try all.
func pseudonym(key identity.Secret, name string) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write([]byte(name))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:pseudonymBytes])
}

// pseudonyms are those of several names behind each other: all of one account have
// the same beginning.
func pseudonyms(key identity.Secret, names []string) (of string) {
	for _, name := range names {
		of += pseudonym(key, name)
	}
	return of
}
