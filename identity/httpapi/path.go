package httpapi

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// CheckPrefix returns an error unless the prefix is a path that means the same to
// every server.
func CheckPrefix(prefix string) error {
	if _, ok := splitPath(prefix); !ok || strings.HasSuffix(prefix, "/") || strings.ContainsAny(prefix, "%;*{}?# ") {
		return fmt.Errorf("prefix %q: write a plain path such as /auth, without a slash at the end", prefix)
	}
	return nil
}

// below returns the segments of the path behind the prefix, decoded. It fails
// for any path that is not below the prefix or that another server could read
// as a different one: with an encoded slash, a dot segment, a control character.
func (h *Handler) below(u *url.URL) ([]string, bool) {
	segments, ok := splitPath(u.EscapedPath())
	if !ok || len(segments) <= len(h.prefix) {
		return nil, false
	}
	for i, want := range h.prefix {
		if !sameLiteral(segments[i], want) {
			return nil, false
		}
	}
	return segments[len(h.prefix):], true
}

// splitPath returns the decoded segments of an encoded path. One slash at the
// end does not count, as in Express.
func splitPath(path string) ([]string, bool) {
	path, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, false
	}
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for i, s := range segments {
		s, err := url.PathUnescape(s)
		if err != nil || !plainSegment(s) {
			return nil, false
		}
		segments[i] = s
	}
	return segments, true
}

func plainSegment(s string) bool {
	if s == "" || s == "." || s == ".." || !utf8.ValidString(s) {
		return false
	}
	for _, c := range []byte(s) {
		if c < ' ' || c == 0x7f || c == '/' || c == '\\' {
			return false
		}
	}
	return true
}

// sameLiteral compares without regard to case, of ASCII letters alone: the
// Kelvin sign is no k.
func sameLiteral(s, literal string) bool {
	return len(s) == len(literal) && strings.EqualFold(s, literal)
}
