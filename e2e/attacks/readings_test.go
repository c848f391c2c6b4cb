//go:build unix

package attacks

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// readings lists how servers may understand the target of a request: decoded up
// to three times, with backslashes as slashes, without matrix parameters, cleaned,
// with a scheme and host before it.
func readings(target string) []string {
	p, _, _ := strings.Cut(target, "?")
	list := []string{p}
	for range 3 {
		decoded, err := url.PathUnescape(p)
		if err != nil || decoded == p {
			break
		}
		p = decoded
		list = append(list, p)
	}
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		list = append(list, u.Path)
	}
	for _, p := range slices.Clone(list) {
		list = append(list, strings.ReplaceAll(p, `\`, "/"))
	}
	for _, p := range slices.Clone(list) {
		segments := strings.Split(p, "/")
		for i, segment := range segments {
			segments[i], _, _ = strings.Cut(segment, ";")
		}
		list = append(list, strings.Join(segments, "/"))
	}
	for _, p := range slices.Clone(list) {
		list = append(list, path.Clean("/"+p))
	}
	return list
}

// protectedArea returns that of the site's areas in which the path lies that
// nobody enters without a credential, or "".
func protectedArea(site, p string) string {
	areas := []string{"/admin", "/auth"}
	switch {
	case strings.HasSuffix(site, "both.test"):
		areas = append(areas, "/store/auth")
	case strings.HasSuffix(site, "old.test"):
		areas = []string{"/admin", "/store/auth"}
	}
	for _, area := range areas {
		if rest, ok := strings.CutPrefix(strings.ToLower(p), area); ok && (rest == "" || rest[0] == '/') {
			return area
		}
	}
	return ""
}
