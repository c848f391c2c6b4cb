package caddymodule

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
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
// tell them apart.
func hasFolded(name, prefix string) bool {
	if len(name) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if foldByte(name[i]) != prefix[i] {
			return false
		}
	}
	return true
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
