package httpapi

import (
	"unicode/utf16"
	"unicode/utf8"
)

// text is a string that encodes byte by byte as JSON.stringify writes it. It
// may hold lone surrogates (encoded as three bytes each), which Go's own JSON
// would replace: messages of the body parser quote single UTF-16 units.
type text string

// MarshalJSON implements json.Marshaler.
func (t text) MarshalJSON() ([]byte, error) {
	const hex = "0123456789abcdef"
	out := make([]byte, 0, len(t)+2)
	out = append(out, '"')
	for i := 0; i < len(t); {
		c := t[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(string(t[i:]))
			switch {
			case r != utf8.RuneError:
				out = append(out, t[i:i+size]...)
			case isSurrogate(t[i:]):
				unit := 0xd000 | uint16(t[i+1]&0x3f)<<6 | uint16(t[i+2]&0x3f)
				size = 3
				out = append(out, '\\', 'u', hex[unit>>12], hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
			default:
				out = append(out, "\ufffd"...)
			}
			i += size
			continue
		}
		switch i++; c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\b':
			out = append(out, `\b`...)
		case '\f':
			out = append(out, `\f`...)
		case '\n':
			out = append(out, `\n`...)
		case '\r':
			out = append(out, `\r`...)
		case '\t':
			out = append(out, `\t`...)
		default:
			if c < ' ' {
				out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			} else {
				out = append(out, c)
			}
		}
	}
	return append(out, '"'), nil
}

func isSurrogate(t text) bool {
	return len(t) >= 3 && t[0] == 0xed && t[1] >= 0xa0 && t[1] <= 0xbf && t[2]&0xc0 == 0x80
}

// fromUTF16 returns the units as text. Surrogates without partner are kept.
func fromUTF16(units []uint16) text {
	var out []byte
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) {
			var pair rune = utf8.RuneError
			if i+1 < len(units) {
				pair = utf16.DecodeRune(r, rune(units[i+1]))
			}
			if pair == utf8.RuneError {
				out = append(out, 0xed, 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
				continue
			}
			r = pair
			i++
		}
		out = utf8.AppendRune(out, r)
	}
	return text(out)
}
