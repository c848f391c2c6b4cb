package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/wire"
)

// Bounds of Express's form parser.
const (
	maxFormFields = 1000
	maxFormDepth  = 32
)

// protoMember sets an object's prototype in JavaScript. It means nothing here,
// but what is passed on may reach a script that merges objects carelessly.
const protoMember = "__proto__"

// parseForm reads the extended syntax of the npm package qs: `a[]=1` and a
// repeated `a=1` make an array of a, `a[b]=1` an object. No library reads it,
// and net/url's flat form would make strings of what Medusa refuses.
func parseForm(src string) (body, error) {
	if strings.Count(src, "&") >= maxFormFields {
		return body{}, &wire.ParserError{Status: http.StatusRequestEntityTooLarge, Reason: "body_too_many_fields", Message: "too many parameters"}
	}
	b := newBody()
	for pair := range strings.SplitSeq(src, "&") {
		key, value := cutPair(pair)
		path := keyPath(formText(key))
		if len(path) > maxFormDepth+1 {
			return body{}, malformed("body_too_deep", "The input exceeded the depth")
		}
		if len(path) == 0 || slices.Contains(path, protoMember) {
			continue
		}
		if path[0] == "" {
			path[0] = "0"
		}
		b.Set(path[0], merge(b.Members[path[0]], path[1:], formText(value)))
	}
	return b, nil
}

// cutPair splits at the first `=`, one behind a bracket preferred.
func cutPair(pair string) (key, value string) {
	pair = bracketEscapes.Replace(pair)
	if i := strings.Index(pair, "]="); i >= 0 {
		return pair[:i+1], pair[i+2:]
	}
	key, value, _ = strings.Cut(pair, "=")
	return key, value
}

var bracketEscapes = strings.NewReplacer("%5B", "[", "%5b", "[", "%5D", "]", "%5d", "]")

// formText decodes a key or value. One that is not well-formed stays as it is.
func formText(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil && utf8.ValidString(decoded) {
		return decoded
	}
	return strings.ReplaceAll(s, "+", " ")
}

// keyPath returns the names along a key: `a[b][]` is a, b and the empty name. A
// bracket that nothing closes is part of a name.
func keyPath(key string) []string {
	var path []string
	head, rest := key, ""
	if i := strings.IndexByte(key, '['); i >= 0 {
		head, rest = key[:i], key[i:]
	}
	if head != "" {
		path = append(path, head)
	}
	for rest != "" {
		end := closing(rest)
		if end < 0 {
			return append(path, rest)
		}
		path = append(path, rest[1:end])
		next := strings.IndexByte(rest[end:], '[')
		if next < 0 {
			break
		}
		rest = rest[end+next:]
	}
	return path
}

// closing returns the place of the bracket that closes the one at the start.
func closing(s string) int {
	level := 0
	for i, c := range []byte(s) {
		switch c {
		case '[':
			level++
		case ']':
			if level--; level == 0 {
				return i
			}
		}
	}
	return -1
}

// isElement reports whether a name is a small index, which is read as the next
// element whatever its size.
func isElement(name string) bool {
	i, ok := arrayIndex(name)
	return ok && i < 100
}

func isObject(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

// merge adds a value below what a member holds already.
func merge(old any, path []string, value string) any {
	switch {
	case len(path) == 0 && old == nil:
		return value
	case len(path) == 0 || path[0] == "" || isElement(path[0]) && !isObject(old):
		list, ok := old.([]any)
		if !ok && old != nil {
			list = []any{old}
		}
		if len(path) > 1 {
			return append(list, merge(nil, path[1:], value))
		}
		return append(list, value)
	}
	object, ok := old.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object[path[0]] = merge(object[path[0]], path[1:], value)
	if ok || old == nil {
		return object
	}
	if list, ok := old.([]any); ok {
		return append(list, object)
	}
	return []any{old, object}
}
