package httpapi

import (
	"strconv"
	"unicode/utf16"
)

// maxDepth is how deeply encoding/json lets values be nested.
const maxDepth = 10000

// jsonScanner finds what is wrong with a text that is not JSON, in the words of
// V8 as Node 20 has it: clients show them and tests compare them. Decoding is
// the work of encoding/json; the two agree on what is JSON.
type jsonScanner struct {
	src     []uint16 // positions are those of JavaScript strings
	at      int
	message text
}

// endOfText is what peek returns behind the last unit.
const endOfText = -1

// syntaxError returns what JSON.parse throws for the text, or "" if it is JSON.
func syntaxError(src string) text {
	s := &jsonScanner{src: utf16.Encode([]rune(src))}
	s.document()
	return s.message
}

// strictError returns the error of Express's body parser, which wants an object
// or an array, for a text that begins otherwise.
func strictError(src string) text {
	s := &jsonScanner{src: utf16.Encode([]rune(src))}
	s.skip()
	s.unexpectedToken()
	return s.message
}

func (s *jsonScanner) document() bool {
	var open []int // the opening brackets around the cursor
	for {
		s.skip()
		opening := s.peek()
		switch opening {
		case '[', '{':
			if len(open) == maxDepth {
				return s.fail("Too many nested values in JSON")
			}
			s.at++
			s.skip()
			if s.peek() == opening+2 { // closes it at once
				s.at++
				break
			}
			open = append(open, opening)
			if opening == '{' && !s.name(true) {
				return false
			}
			continue
		default:
			if !s.scalar() {
				return false
			}
		}
		var ok bool
		if open, ok = s.afterValue(open); !ok {
			return false
		}
		if len(open) == 0 {
			return s.at == len(s.src) || s.fail("Unexpected non-whitespace character after JSON")
		}
	}
}

// afterValue moves to where the next value begins, over any number of closing
// brackets. It returns the brackets that are still open.
func (s *jsonScanner) afterValue(open []int) ([]int, bool) {
	for {
		s.skip()
		if len(open) == 0 {
			return open, true
		}
		opening := open[len(open)-1]
		switch c := s.peek(); {
		case c == opening+2:
			s.at++
			open = open[:len(open)-1]
		case c == ',':
			s.at++
			return open, opening == '[' || s.name(false)
		case opening == '[':
			return nil, s.fail("Expected ',' or ']' after array element in JSON")
		default:
			return nil, s.fail("Expected ',' or '}' after property value in JSON")
		}
	}
}

// name reads the name of a member and the colon behind it.
func (s *jsonScanner) name(first bool) bool {
	s.skip()
	if s.peek() != '"' {
		if first {
			return s.fail("Expected property name or '}' in JSON")
		}
		return s.fail("Expected double-quoted property name in JSON")
	}
	if !s.quoted() {
		return false
	}
	s.skip()
	if s.peek() != ':' {
		if first {
			return s.fail("Expected ':' after property name in JSON")
		}
		return s.unexpected()
	}
	s.at++
	return true
}

func (s *jsonScanner) scalar() bool {
	switch c := s.peek(); {
	case c == '"':
		return s.quoted()
	case c == '-' || isDigit(c):
		return s.number()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	}
	return s.unexpected()
}

func (s *jsonScanner) literal(want string) bool {
	for _, c := range []byte(want) {
		if s.peek() != int(c) {
			return s.unexpected()
		}
		s.at++
	}
	return true
}

func (s *jsonScanner) number() bool {
	if s.peek() == '-' {
		s.at++
		if !isDigit(s.peek()) {
			return s.fail("No number after minus sign in JSON")
		}
	}
	if s.peek() == '0' {
		s.at++
		if isDigit(s.peek()) {
			return s.unexpected()
		}
	}
	s.digits()
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return s.fail("Unterminated fractional number in JSON")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return s.fail("Exponent part is missing a number in JSON")
		}
	}
	return true
}

func (s *jsonScanner) digits() bool {
	start := s.at
	for isDigit(s.peek()) {
		s.at++
	}
	return s.at > start
}

func (s *jsonScanner) quoted() bool {
	for s.at++; ; s.at++ {
		switch c := s.peek(); {
		case c == '"':
			s.at++
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c == endOfText:
			return s.fail("Unterminated string in JSON")
		case c < ' ':
			return s.fail("Bad control character in string literal in JSON")
		}
	}
}

// escape reads an escape sequence up to its last unit.
func (s *jsonScanner) escape() bool {
	s.at++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			s.at++
			if !isHex(s.peek()) {
				return s.fail("Bad Unicode escape in JSON")
			}
		}
		return true
	case endOfText:
		return s.unexpected()
	}
	return s.fail("Bad escaped character in JSON")
}

func (s *jsonScanner) skip() {
	for {
		switch s.peek() {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *jsonScanner) peek() int {
	if s.at >= len(s.src) {
		return endOfText
	}
	return int(s.src[s.at])
}

func isDigit(c int) bool { return '0' <= c && c <= '9' }

func isHex(c int) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func (s *jsonScanner) fail(what text) bool {
	s.message = what + " at position " + text(strconv.Itoa(s.at))
	return false
}

// unexpected blames the unit at the cursor.
func (s *jsonScanner) unexpected() bool {
	switch c := s.peek(); {
	case c == '-' || isDigit(c):
		return s.fail("Unexpected number in JSON")
	case c == '"':
		return s.fail("Unexpected string in JSON")
	case c != endOfText && string(fromUTF16(s.src)) == "[object Object]": // somebody forgot to stringify
		s.message = `"[object Object]" is not valid JSON`
		return false
	}
	return s.unexpectedToken()
}

// unexpectedToken quotes the unit at the cursor and ten on either side of it.
func (s *jsonScanner) unexpectedToken() bool {
	if s.peek() == endOfText {
		s.message = "Unexpected end of JSON input"
		return false
	}
	const context = 10
	start, end, before, after := 0, len(s.src), text(""), text("")
	if len(s.src) > 2*context {
		if s.at >= context {
			start, before = s.at-context, "..."
		}
		if s.at < len(s.src)-context {
			end, after = s.at+context, "..."
		}
	}
	s.message = "Unexpected token '" + fromUTF16(s.src[s.at:s.at+1]) + "', " +
		before + `"` + fromUTF16(s.src[start:end]) + `"` + after + " is not valid JSON"
	return false
}
