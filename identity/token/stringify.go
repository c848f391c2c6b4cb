package token

import "bytes"

// stringify rewrites what encoding/json made, in place, as JavaScript's
// JSON.stringify would have: <, >, & and the separators U+2028 and U+2029 stand
// for themselves. All other escapes are the same in both.
func stringify(data []byte) []byte {
	if !bytes.Contains(data, []byte(`\u`)) {
		return data
	}
	out := data[:0] // the result is never longer
	for len(data) > 0 {
		n := bytes.IndexByte(data, '\\')
		if n < 0 {
			n = len(data)
		}
		out, data = append(out, data[:n]...), data[n:]
		if len(data) < 2 {
			break
		}
		// An escape is taken as a whole, so that `\\u003c` stays what it is.
		plain, size := unescape(data)
		out, data = append(out, plain...), data[size:]
	}
	return out
}

// unescape returns the text for the escape that data begins with, and the
// length of the escape.
func unescape(data []byte) (text string, size int) {
	if len(data) >= 6 {
		switch string(data[:6]) {
		case `\u003c`:
			return "<", 6
		case `\u003e`:
			return ">", 6
		case `\u0026`:
			return "&", 6
		case `\u2028`:
			return "\u2028", 6
		case `\u2029`:
			return "\u2029", 6
		}
	}
	return string(data[:2]), 2
}
