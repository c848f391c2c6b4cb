package caddymodule

import (
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// reserved is the family of header fields that no client may send: some
	// backend in the chain may believe them.
	reserved      = "x-auth-"
	defaultPrefix = "X-Auth-"
	linkHeader    = "X-Auth-Link"
)

// stripIdentity deletes the client's own identity headers in every spelling
// and keeps them out of `Connection`, whose listed fields the proxy would
// delete after we set them (attacks A1 to A5). own is the lower-case prefix of
// the fields that we set ourselves.
func stripIdentity(h http.Header, own string) {
	for name, values := range h {
		switch {
		case isIdentity(name, own):
			delete(h, name) // not h.Del: the key may not be canonical
		case name == "Connection" || name == "Proxy-Connection" || name == "Trailer":
			unlist(h, name, values, own)
		}
	}
}

// stripTrailers deletes the client's identity fields from behind the body. They
// get there when the body has been read. Trailers that no field Trailer announces
// reach no other handler.
func stripTrailers(r *http.Request, own string) {
	if r.Trailer == nil {
		return
	}
	stripIdentity(r.Trailer, own)
	r.Body = &strippedBody{ReadCloser: r.Body, trailer: r.Trailer, own: own}
}

type strippedBody struct {
	io.ReadCloser
	trailer http.Header // filled in by the server before Read returns io.EOF
	own     string
}

// Read implements io.Reader.
func (b *strippedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		stripIdentity(b.trailer, b.own)
	}
	return n, err
}

// unlist takes our names out of a field that lists names of fields.
func unlist(h http.Header, field string, values []string, own string) {
	if !slices.ContainsFunc(values, func(v string) bool { return listsIdentity(v, own) }) {
		return
	}
	kept := values[:0]
	for _, value := range values {
		if rest := withoutIdentity(value, own); rest != "" {
			kept = append(kept, rest)
		}
	}
	h[field] = kept
	if len(kept) == 0 {
		delete(h, field)
	}
}

// protected are the fields that a client must not have deleted on the way.
var protected = []string{"authorization", "cookie", "host"}

func listsIdentity(value, own string) bool {
	for token := range strings.SplitSeq(value, ",") {
		token = textproto.TrimString(token)
		if isIdentity(token, own) || slices.Contains(protected, fold(token)) {
			return true
		}
	}
	return false
}

func withoutIdentity(value, own string) string {
	var kept []string
	for token := range strings.SplitSeq(value, ",") {
		token = textproto.TrimString(token)
		if token != "" && !listsIdentity(token, own) {
			kept = append(kept, token)
		}
	}
	return strings.Join(kept, ", ")
}

func isIdentity(name, own string) bool {
	return hasFolded(name, reserved) || own != reserved && own != "" && hasFolded(name, own)
}

// hasFolded reports whether name begins with the lower-case prefix when case
// is ignored and `_`, `.` and `-` count as the same: CGI-like backends cannot
// tell them apart. A name with other bytes than ASCII is none, and counts as one
// of ours, whatever it may be folded to.
func hasFolded(name, prefix string) bool {
	for i := range len(name) {
		switch {
		case name[i] >= utf8.RuneSelf:
			return true
		case i < len(prefix) && foldByte(name[i]) != prefix[i]:
			return false
		case i >= len(prefix):
			return true
		}
	}
	return len(name) >= len(prefix)
}

func foldByte(c byte) byte {
	switch {
	case c == '_' || c == '.':
		return '-'
	case 'A' <= c && c <= 'Z':
		return c | 0x20
	}
	return c
}

func fold(name string) string {
	folded := []byte(name)
	for i, c := range folded {
		folded[i] = foldByte(c)
	}
	return string(folded)
}
