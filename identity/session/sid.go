package session

import (
	"encoding/base64"
	"fmt"
	"io"
)

// sidBytes is the entropy of a session id, as the npm package uid-safe makes
// them for express-session: 24 bytes, 32 characters.
const sidBytes = 24

// maxSID bounds the ids that are accepted.
const maxSID = 256

func newSID(random io.Reader) (string, error) {
	var raw [sidBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("making a session id: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// validSID reports whether a signed id may become part of a store key. Ids of
// another generator than ours pass, but only visible ASCII, and no braces, which
// would choose the slot of the key in a Redis cluster.
func validSID(sid string) bool {
	if sid == "" || len(sid) > maxSID {
		return false
	}
	for i := range len(sid) {
		if c := sid[i]; c <= ' ' || c >= 0x7f || c == '{' || c == '}' {
			return false
		}
	}
	return true
}
