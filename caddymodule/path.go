package caddymodule

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// place is what the path of a request means for the sidecar.
type place int

const (
	elsewhere    place = iota // for the next handler
	belowPrefix               // ours to answer
	ambiguous                 // another server might read another path: refused
	maxReadings  = 3          // how often a path may be percent-encoded before it is refused
	normalRunes  = "%\\;\x00"
	matrixParams = ";"
)

// locate decides on the decoded, cleaned, lower-cased path. A path that a
// backend could read as a different one than Caddy's matchers do is ambiguous:
// one that does not begin with a slash, one with dot segments, however encoded, with backslashes, with matrix
// parameters before its end, or with letters or slashes that are encoded twice.
// Browsers and SDKs never send one.
func locate(u *url.URL, prefix string) place {
	if u.Opaque != "" || u.Path == "" || u.Path[0] != '/' { // `*`, a host to CONNECT to, `x:admin`, which is sent as `admin`
		return ambiguous
	}
	if u.RawPath == "" && !strings.ContainsAny(u.Path, normalRunes) && !strings.Contains(u.Path, "/.") && !strings.Contains(u.Path, "//") {
		if below(u.Path, prefix) {
			return belowPrefix
		}
		return elsewhere
	}
	return locateOdd(u, prefix)
}

func locateOdd(u *url.URL, prefix string) place {
	reading := u.Path
	ours := below(path.Clean(reading), prefix)
	for range maxReadings {
		if misleading(reading) || encodedInVain(reading) || below(clean(reading), prefix) != ours {
			return ambiguous
		}
		decoded, err := url.PathUnescape(reading)
		if err != nil || decoded == reading {
			if ours {
				return belowPrefix
			}
			return elsewhere
		}
		reading = decoded
	}
	return ambiguous
}

// misleading reports whether a segment of the path is a dot segment to some
// server, the path has other separators than slashes, or a server that strips
// matrix parameters would find other segments.
func misleading(p string) bool {
	if strings.ContainsAny(p, "\\\x00") {
		return true
	}
	for more := true; more; {
		var segment string
		segment, p, more = strings.Cut(p, "/")
		name, _, parameters := strings.Cut(segment, matrixParams)
		if name == "." || name == ".." || parameters && (more || name == "") {
			return true
		}
	}
	return false
}

// encodedInVain reports whether a decoded path still holds an encoded letter,
// digit, or character of a path's structure. No client encodes those twice.
func encodedInVain(p string) bool {
	for {
		_, rest, found := strings.Cut(p, "%")
		if !found || len(rest) < 2 {
			return false
		}
		if c, err := hex.DecodeString(rest[:2]); err == nil && structural(c[0]) {
			return true
		}
		p = rest
	}
}

func structural(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte(`-._~/\;`, c) >= 0
}

// clean is the strictest reading: without matrix parameters and empty segments.
func clean(p string) string {
	if strings.Contains(p, matrixParams) {
		segments := strings.Split(p, "/")
		for i, segment := range segments {
			segments[i], _, _ = strings.Cut(segment, matrixParams)
		}
		p = strings.Join(segments, "/")
	}
	return path.Clean("/" + p)
}

// below reports whether p is the prefix or lies under it, whatever its case.
func below(p, prefix string) bool {
	if len(p) < len(prefix) || !strings.EqualFold(p[:len(prefix)], prefix) {
		return false
	}
	return len(p) == len(prefix) || p[len(prefix)] == '/'
}

func fromTrustedProxy(r *http.Request) bool {
	trusted, _ := requestVar(r, trustedProxyVar).(bool)
	return trusted
}

func firstValue(list string) string {
	first, _, _ := strings.Cut(list, ",")
	return strings.ToLower(strings.TrimSpace(first))
}
