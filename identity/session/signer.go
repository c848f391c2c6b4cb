package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// macLen is the length of a signature: base64 of 32 bytes without padding.
const macLen = 43

// maxValue bounds the cookie value that is looked at: the longest id and its
// signature, with every byte percent-encoded.
const maxValue = 3 * (len("s:") + maxSID + len(".") + macLen)

// signer signs session ids as the npm package cookie-signature does. Each key
// lives in a pool of keyed hashes: the verification of every request saves the
// key schedule, and no print of a signer can show the key.
type signer struct{ keys []*sync.Pool }

// newSigner returns a signer that signs with the first secret and accepts all.
func newSigner(secrets []identity.Secret) (*signer, error) {
	if len(secrets) == 0 {
		return nil, errors.New("secret is missing: sessions need at least one to sign their cookies")
	}
	s := &signer{}
	for _, secret := range secrets {
		if secret.Empty() {
			return nil, errors.New("secret is empty: anybody could sign a session cookie")
		}
		s.keys = append(s.keys, &sync.Pool{New: func() any {
			return hmac.New(sha256.New, []byte(secret.Reveal()))
		}})
	}
	return s, nil
}

// sign returns the cookie value for a session id, percent-encoded.
func (s *signer) sign(sid string) string {
	mac := signature(s.keys[0], sid)
	return url.QueryEscape("s:" + sid + "." + string(mac[:]))
}

// verify returns the session id of a cookie value as it stands in the request.
func (s *signer) verify(value string) (sid string, ok bool) {
	if len(value) > maxValue {
		return "", false
	}
	signed, ok := strings.CutPrefix(decode(value), "s:")
	if !ok {
		return "", false
	}
	dot := strings.LastIndexByte(signed, '.')
	if dot < 0 {
		return "", false
	}
	sid, given := signed[:dot], signed[dot+1:]
	if len(given) != macLen || !validSID(sid) {
		return "", false
	}
	for _, key := range s.keys {
		if mac := signature(key, sid); hmac.Equal(mac[:], []byte(given)) {
			return sid, true
		}
	}
	return "", false
}

func signature(key *sync.Pool, sid string) (mac [macLen]byte) {
	h := key.Get().(hash.Hash)
	defer key.Put(h)
	h.Reset()
	h.Write([]byte(sid))
	var sum [sha256.Size]byte
	base64.RawStdEncoding.Encode(mac[:], h.Sum(sum[:0]))
	return mac
}

// decode is decodeURIComponent as the npm package cookie applies it: a value
// that cannot be decoded is taken as it is.
func decode(value string) string {
	decoded, err := url.PathUnescape(value)
	if err != nil || !utf8.ValidString(decoded) {
		return value
	}
	return decoded
}
