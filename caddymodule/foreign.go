package caddymodule

import (
	"net/http"
	"strings"
)

// secretKeys is what Medusa's secret API keys begin with.
const secretKeys = "sk_"

// foreign reports whether the request's bearer is none of ours to remove: what
// calls Medusa's /hooks brings tokens of its own, and Medusa tells who sends a
// secret API key as a bearer on /admin how to send it (reference medusa-v2,
// section 7). It can be nobody's token, here or there: it is no JWT.
func (h *Handler) foreign(r *http.Request) bool {
	if h.backend == nil {
		return false
	}
	token := opaqueBearer(r.Header)
	return token != "" && below(r.URL.Path, "/hooks") || strings.HasPrefix(token, secretKeys) && below(r.URL.Path, "/admin")
}

// opaqueBearer returns a bearer that no server can read as a JWT, however it
// parts words, or "".
func opaqueBearer(h http.Header) string {
	values := h["Authorization"]
	if len(values) != 1 || len(values[0]) < 7 || !strings.EqualFold(values[0][:7], "Bearer ") {
		return ""
	}
	token := values[0][7:]
	if strings.ContainsFunc(token, func(c rune) bool {
		return (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("-_~+/=", c) // RFC 6750 without the dot
	}) {
		return ""
	}
	return token
}
