package session

import (
	"net/http"
	"slices"
	"strings"
)

// blank is what the npm package cookie strips around names and values; older
// releases of it strip whatever JavaScript calls white space.
const (
	blank   = " \t"
	blankJS = "\t\n\v\f\r \xa0"
)

// find returns the value of the first cookie of that name, as the npm package
// cookie 0.7 reads it, without its quotes and still percent-encoded. Go's own
// parser drops values that Node accepts, so it cannot be used.
func find(lines []string, name string) (value string, ok bool) {
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			key, value, ok := strings.Cut(pair, "=")
			if !ok || strings.Trim(key, blank) != name {
				continue
			}
			value = strings.Trim(value, blank)
			if unquoted, ok := strings.CutPrefix(value, `"`); ok && strings.HasSuffix(unquoted, `"`) {
				return unquoted[:len(unquoted)-1], true
			}
			return value, true
		}
	}
	return "", false
}

// Cut removes the cookies of that name from a request's header, as
// Manager.Cut does those of the session.
func Cut(h http.Header, name string) { cut(h, name) }

// cut removes the cookies of that name and leaves all others as they are, byte
// by byte. It errs on the side of removing: a name with any white space around
// it counts.
func cut(h http.Header, name string) {
	lines := h["Cookie"]
	if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, name) }) {
		return // the common case, and nothing is copied
	}
	// A new slice, since a clone of the request may share the old one.
	var kept []string
	for _, line := range lines {
		rest := cutLine(line, name)
		if strings.Trim(rest, ";"+blank) != "" {
			kept = append(kept, rest)
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = kept
}

func cutLine(line, name string) string {
	kept := make([]string, 0, strings.Count(line, ";")) // none, for the cookie that comes alone
	cut := false
	for pair := range strings.SplitSeq(line, ";") {
		if key, _, ok := strings.Cut(pair, "="); ok && trimBytes(key, blankJS) == name {
			cut = true
			continue
		}
		kept = append(kept, pair)
	}
	if !cut {
		return line
	}
	return strings.TrimLeft(strings.Join(kept, ";"), blank)
}

// trimBytes is strings.Trim by bytes, since header fields need not be UTF-8.
func trimBytes(s, cutset string) string {
	for s != "" && strings.IndexByte(cutset, s[0]) >= 0 {
		s = s[1:]
	}
	for s != "" && strings.IndexByte(cutset, s[len(s)-1]) >= 0 {
		s = s[:len(s)-1]
	}
	return s
}
