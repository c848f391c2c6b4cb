package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// member is one member of a JSON object; raw is the text of its value.
type member struct {
	name string
	raw  json.RawMessage
}

var errNotObject = errors.New("not a JSON object")

// split cuts the text of a JSON object into its members, in their order. It is
// here for the sake of exact names: encoding/json takes `ACTOR_ID` for `actor_id`
// when it fills a struct, so Medusa and we would understand one token in two
// ways, and filling a map costs twice as much. encoding/json still says whether
// the text is JSON, so finding the ends of values is all there is to do here.
func split(text []byte) ([]member, error) {
	if !json.Valid(text) {
		return nil, errNotObject
	}
	text = bytes.TrimLeft(text, space)
	if text[0] != '{' {
		return nil, errNotObject
	}
	members := make([]member, 0, 12)
	for rest := bytes.TrimLeft(text[1:], space); len(rest) > 0 && rest[0] == '"'; {
		end := stringEnd(rest)
		name, err := unquote(rest[:end])
		if err != nil {
			return nil, err
		}
		rest = bytes.TrimLeft(rest[end:], space+":")
		end = valueEnd(rest)
		value := bytes.TrimRight(rest[:end], space)
		members = append(members, member{name, json.RawMessage(value[:len(value):len(value)])})
		rest = bytes.TrimLeft(rest[end:], space+",")
	}
	return members, nil
}

// space is what JSON allows between tokens.
const space = " \t\r\n"

// stringEnd returns the index behind the string that text begins with.
func stringEnd(text []byte) int {
	for n := 1; n < len(text); n++ {
		switch text[n] {
		case '\\':
			n++
		case '"':
			return n + 1
		}
	}
	return len(text)
}

// valueEnd returns the index of the comma or brace that follows the value at
// the beginning of text.
func valueEnd(text []byte) int {
	depth := 0
	for n := 0; n < len(text); n++ {
		switch text[n] {
		case '"':
			n += stringEnd(text[n:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return n
			}
			depth--
		case ',':
			if depth == 0 {
				return n
			}
		}
	}
	return len(text)
}

// unquote decodes a JSON string.
func unquote(raw []byte) (string, error) {
	if len(raw) >= 2 && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1]), nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", fmt.Errorf("decoding JSON: %w", err)
	}
	return text, nil
}
