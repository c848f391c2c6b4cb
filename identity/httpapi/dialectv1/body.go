package dialectv1

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// raw is a request body as it came.
type raw struct {
	data []byte
	json bool // else it counts as empty, whatever is in it
}

// body is what a request body says.
type body struct {
	members map[string]any // those of encoding/json
	names   []string       // of members, in the order of the text
	array   bool           // it is an array, which has no members
}

// parserError is a failure of the body parser.
type parserError struct {
	status          int
	reason, message string
}

func (e *parserError) Error() string { return "reading a request body: " + e.reason }

var (
	errTooLarge  = &parserError{http.StatusRequestEntityTooLarge, "body_too_large", "request entity too large"}
	errAborted   = &parserError{http.StatusBadRequest, "body_aborted", "request aborted"}
	errMalformed = &parserError{http.StatusBadRequest, "body_not_json", "The request body is not valid JSON"}
	errNotUTF8   = &parserError{http.StatusBadRequest, "body_not_utf8", "Invalid UTF-8 in request body"}
	errCharset   = &parserError{http.StatusUnsupportedMediaType, "body_charset", "unsupported charset"}
	errEncoding  = &parserError{http.StatusUnsupportedMediaType, "body_encoding", "unsupported content encoding"}
)

func isJSON(h http.Header) bool {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	// A malformed parameter does not make it another type for a backend.
	return (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) && media == "application/json"
}

// readBody reads the body of a request that has a JSON one. Of another content
// type it counts as empty (reference medusa-v1, section 1).
func readBody(w http.ResponseWriter, r *http.Request, limit int64) (raw, error) {
	if r.Body == nil || r.Body == http.NoBody || !isJSON(r.Header) {
		return raw{}, nil
	}
	_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return raw{}, errCharset
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return raw{}, errEncoding
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok { // our limit or one outside of ours
		return raw{}, errTooLarge
	}
	if err != nil {
		return raw{}, errAborted
	}
	return raw{data, true}, nil
}

// restore makes the body readable again.
func (b raw) restore(r *http.Request) {
	if b.json {
		r.Body = io.NopCloser(bytes.NewReader(b.data))
	}
}

// parse accepts an object or an array, and no text at all for an empty object.
func (b raw) parse() (body, error) {
	parsed := body{members: map[string]any{}}
	text := bytes.TrimPrefix(b.data, []byte("\ufeff")) // a byte order mark, as Node's decoder
	if !utf8.Valid(text) {
		return body{}, errNotUTF8
	}
	text = bytes.Trim(text, " \t\r\n")
	switch {
	case len(b.data) == 0:
		return parsed, nil
	case !json.Valid(text) || text[0] != '{' && text[0] != '[':
		return body{}, errMalformed
	case text[0] == '[':
		parsed.array = true
		return parsed, nil
	}
	// Token by token, because the order of the members is of interest.
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	_, err := dec.Token()
	for err == nil && dec.More() {
		var name json.Token
		var value any
		if name, err = dec.Token(); err == nil {
			err = dec.Decode(&value)
			parsed.set(name.(string), value)
		}
	}
	if err != nil {
		return body{}, errMalformed
	}
	return parsed, nil
}

func (b *body) set(name string, value any) {
	if _, known := b.members[name]; !known {
		b.names = append(b.names, name)
	}
	b.members[name] = value
}

func (b body) has(name string) bool { _, ok := b.members[name]; return ok }

// text returns the member if it is a string, or "".
func (b body) text(name string) string {
	text, _ := b.members[name].(string)
	return text
}

// address is the e-mail address of the body as v1 reads it.
func (b body) address() string { return strings.ToLower(b.text("email")) }
