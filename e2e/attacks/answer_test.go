//go:build unix

package attacks

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// patience is how long one exchange may take. Only a hang reaches it.
const patience = time.Minute

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// errBroken says that the server ended the stream or connection without an answer,
// as protocols do with what is malformed.
var errBroken = errors.New("ended without an answer")

// received returns what the backend saw of the request, or nil if the answer is
// not the backend's.
func (a *answer) received() *received {
	var r received
	if a.header.Get("Echo") == "" || json.Unmarshal([]byte(a.body), &r) != nil {
		return nil
	}
	return &r
}

// text is the whole answer, for searching.
func (a *answer) text() string {
	var text strings.Builder
	_ = a.header.Write(&text)
	return text.String() + a.body
}

// sender speaks one protocol.
type sender func(addr string, r *request) (*answer, error)

var senders = map[string]sender{"h1": sendH1, "h2": sendH2, "h3": sendH3}

func clientTLS(protocol string) *tls.Config {
	// The certificate is made up.
	return &tls.Config{InsecureSkipVerify: true, ServerName: "shop.test", NextProtos: []string{protocol}}
}

// has reports whether the request says itself what the field is.
func has(fields [][2]string, name string) bool {
	for _, f := range fields {
		if strings.EqualFold(f[0], name) {
			return true
		}
	}
	return false
}

// modern returns the fields of the request as HTTP/2 and HTTP/3 have them.
func (r *request) modern() [][2]string {
	fields := [][2]string{{":method", r.method}, {":scheme", "https"}, {":authority", r.host}, {":path", r.target}}
	fields = append(fields, [2]string{"x-case", r.id})
	for _, f := range r.fields {
		if !r.Exact {
			f[0] = strings.ToLower(f[0])
		}
		fields = append(fields, f)
	}
	return fields
}
