package httpapi

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/wire"
)

const (
	mediaJSON = "application/json; charset=utf-8"
	mediaText = "text/plain; charset=utf-8"
	mediaHTML = "text/html; charset=utf-8"
	mediaJWKS = "application/jwk-set+json"
)

// answer is a response before it is written.
type answer struct {
	status int
	media  string
	body   []byte
	cookie string // a Set-Cookie line or ""
	device string // the same, for the browser of somebody who logged in
	// public: no credential has to do with it. All others must not be stored.
	public     bool
	tagged     bool // carries an ETag
	retryAfter int  // seconds, 0 for none
}

func jsonAnswer(status int, v any) (answer, error) {
	data, err := wire.Encode(v)
	if err != nil {
		return answer{}, internal("json_encoding", err)
	}
	return answer{status: status, media: mediaJSON, body: data}, nil
}

func (a answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if !a.public {
		h.Set("Cache-Control", "private, no-store")
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(a.retryAfter))
		h.Set("Access-Control-Expose-Headers", "Retry-After")
	}
	for _, cookie := range []string{a.cookie, a.device} {
		if cookie != "" {
			h.Add("Set-Cookie", cookie)
		}
	}
	if a.tagged {
		tag := entityTag(a.body)
		h.Set("ETag", tag)
		if fresh(r.Header, tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Type", a.media)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // the client has gone: nobody is left to tell
	}
}

// entityTag is Express's weak ETag: length in hex, and a digest without padding.
func entityTag(body []byte) string {
	sum := sha1.Sum(body) // no security hangs on it
	return fmt.Sprintf(`W/"%x-%s"`, len(body), base64.RawStdEncoding.EncodeToString(sum[:]))
}

// fresh reports whether the client holds the tagged body already (RFC 9110,
// section 13.1.2, weak comparison). As in Express a client that asks for no
// cache gets the body.
func fresh(h http.Header, tag string) bool {
	for _, line := range h["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(directive), "no-cache") {
				return false
			}
		}
	}
	for _, line := range h["If-None-Match"] {
		for candidate := range strings.SplitSeq(line, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}
