package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// body is what a request body says, as Express's parsers read it.
type body struct {
	// members is never nil. Its values are those of encoding/json; numbers are
	// json.Number, since JSON.parse takes any size.
	members map[string]any
	names   []string // of members, in the order of the text
	// other: the body is an array or a plain text. It has no members, but a
	// schema that wants an object says so.
	other bool
}

func newBody() body { return body{members: map[string]any{}} }

func (b *body) set(name string, value any) {
	if _, known := b.members[name]; !known {
		b.names = append(b.names, name)
	}
	b.members[name] = value
}

// parserError is a failure of the body parser, which has a shape of its own.
type parserError struct {
	status  int
	reason  string
	message text
}

func (e *parserError) Error() string { return "reading a request body: " + e.reason }

func malformed(reason string, message text) error {
	return &parserError{http.StatusBadRequest, reason, message}
}

func unsupported(reason string, message text) error {
	return &parserError{http.StatusUnsupportedMediaType, reason, message}
}

var (
	errTooLarge = &parserError{http.StatusRequestEntityTooLarge, "body_too_large", "request entity too large"}
	errAborted  = &parserError{http.StatusBadRequest, "body_aborted", "request aborted"}
	errNotUTF8  = &parserError{http.StatusBadRequest, "body_not_utf8", "Invalid UTF-8 in request body"}
)

// readBody reads the body of a request of any method. A content type that is
// not known, or none, makes an empty body (reference medusa-v2, section 2).
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (body, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return newBody(), nil
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return newBody(), nil
	}
	var parse func(string) (body, error)
	charset := strings.ToUpper(params["charset"])
	switch media {
	case "application/json":
		parse = parseJSON
	case "application/x-www-form-urlencoded":
		parse = parseForm
	case "text/plain":
		parse, charset = parseText, ""
	default:
		return newBody(), nil
	}
	if charset != "" && charset != "UTF-8" {
		return body{}, unsupported("body_charset", `unsupported charset "`+text(charset)+`"`)
	}
	if encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding != "" && encoding != "identity" {
		return body{}, unsupported("body_encoding", `unsupported content encoding "`+text(encoding)+`"`)
	}
	data, err := readLimited(w, r, limit)
	if err != nil {
		return body{}, err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // a byte order mark, as Node's decoder
	if !utf8.Valid(data) {
		return body{}, errNotUTF8
	}
	if len(data) == 0 {
		return newBody(), nil
	}
	return parse(string(data))
}

func readLimited(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		return data, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok { // our limit or one outside of ours
		return nil, errTooLarge
	}
	return nil, errAborted
}

func parseText(string) (body, error) {
	return body{members: map[string]any{}, other: true}, nil
}

// parseJSON accepts an object, or an array, which has no members.
func parseJSON(src string) (body, error) {
	first := strings.TrimLeft(src, " \t\r\n")
	if !strings.HasPrefix(first, "{") && !strings.HasPrefix(first, "[") {
		return body{}, malformed("body_not_json", strictError(src))
	}
	if !json.Valid([]byte(src)) {
		return body{}, malformed("body_not_json", syntaxError(src))
	}
	b := newBody()
	if first[0] == '[' {
		b.other = true
		return b, nil
	}
	// Token by token, because the order of the members is of interest.
	dec := json.NewDecoder(strings.NewReader(src))
	dec.UseNumber()
	_, err := dec.Token()
	for err == nil && dec.More() {
		var name json.Token
		var value any
		if name, err = dec.Token(); err == nil {
			err = dec.Decode(&value)
			b.set(name.(string), value)
		}
	}
	if err != nil {
		return body{}, internal("body_decoding", err)
	}
	return b, nil
}

// input is what providers get of a request.
func (c *call) input() identity.Input {
	in := identity.Input{ActorType: c.actor, Body: c.body.members, Query: map[string]string{}, Host: strings.ToLower(c.Host)}
	for name, values := range c.URL.Query() {
		in.Query[name] = values[0]
	}
	return in
}
