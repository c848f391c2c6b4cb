package verify

import (
	"net/http"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity/token"
)

// maxHeader is the longest Authorization value that is looked at, in bytes: a
// token and room for the words around it.
const maxHeader = token.MaxLength + 1<<10

// BearerToken returns the token of the request's Authorization field. As with
// Medusa the scheme's case and the white space do not count and words behind
// the token are ignored (reference medusa-v2, section 5). Two fields are
// ambiguous: the backend might read the other one, so neither counts.
func BearerToken(h http.Header) (raw string, ok bool) {
	values := h["Authorization"]
	if len(values) != 1 || len(values[0]) > maxHeader {
		return "", false
	}
	scheme, rest := word(values[0])
	if !strings.EqualFold(scheme, "bearer") {
		return "", false
	}
	raw, _ = word(rest)
	return raw, raw != ""
}

// PresentsBearer reports whether the request tries to authenticate by a bearer
// token, readable or not. Other schemes, as Basic, are not ours to judge.
func PresentsBearer(h http.Header) bool {
	values := h["Authorization"]
	for _, v := range values {
		if scheme, _ := word(v); strings.EqualFold(scheme, "bearer") {
			return true
		}
	}
	return len(values) > 1
}

// word returns the first word of s and what is behind it.
func word(s string) (word, rest string) {
	start := 0
	for start < len(s) && blank(s[start]) {
		start++
	}
	end := start
	for end < len(s) && !blank(s[end]) {
		end++
	}
	return s[start:end], s[end:]
}

// blank is white space in JavaScript as far as a byte can be it, for Node reads
// field values as Latin-1, and every control character besides. A no-break space
// that parted words for the backend alone would bring it tokens that nobody here
// has checked.
func blank(c byte) bool { return c <= ' ' || c == 0xa0 }
