package verify

import (
	"net/http"
	"strings"
)

// maxHeader is the longest Authorization value that is looked at, in bytes.
const maxHeader = 16 << 10

const blank = " \t"

// BearerToken returns the token of the request's Authorization field. As with
// Medusa the scheme's case and the white space do not count and words behind
// the token are ignored (reference medusa-v2, section 5). Two fields are
// ambiguous: the backend might read the other one, so neither counts.
func BearerToken(h http.Header) (raw string, ok bool) {
	values := h["Authorization"]
	if len(values) != 1 || len(values[0]) > maxHeader {
		return "", false
	}
	value := strings.Trim(values[0], blank)
	end := strings.IndexAny(value, blank)
	if end < 0 || !strings.EqualFold(value[:end], "bearer") {
		return "", false
	}
	raw = strings.TrimLeft(value[end:], blank)
	if end := strings.IndexAny(raw, blank); end >= 0 {
		raw = raw[:end]
	}
	return raw, true
}

// PresentsBearer reports whether the request tries to authenticate by a bearer
// token, readable or not. Other schemes, as Basic, are not ours to judge.
func PresentsBearer(h http.Header) bool {
	values := h["Authorization"]
	for _, v := range values {
		v = strings.TrimLeft(v, blank)
		if len(v) >= 6 && strings.EqualFold(v[:6], "bearer") && (len(v) == 6 || v[6] == ' ' || v[6] == '\t') {
			return true
		}
	}
	return len(values) > 1
}
