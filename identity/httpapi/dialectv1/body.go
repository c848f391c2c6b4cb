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

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/wire"
)

// raw is a request body as it came.
type raw struct {
	data []byte
	json bool // else it counts as empty, whatever is in it
}

// body is what a request body says.
type body struct {
	wire.Object
	array bool // it is an array, which has no members
}

var (
	errMalformed = &wire.ParserError{Status: http.StatusBadRequest, Reason: "body_not_json", Message: "The request body is not valid JSON"}
	errCharset   = &wire.ParserError{Status: http.StatusUnsupportedMediaType, Reason: "body_charset", Message: "unsupported charset"}
	errEncoding  = &wire.ParserError{Status: http.StatusUnsupportedMediaType, Reason: "body_encoding", Message: "unsupported content encoding"}
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
	data, err := wire.ReadBody(w, r, limit)
	if err != nil {
		return raw{}, err
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
	text := bytes.TrimPrefix(b.data, []byte("\ufeff")) // a byte order mark, as Node's decoder
	if !utf8.Valid(text) {
		return body{}, wire.ErrNotUTF8
	}
	text = bytes.Trim(text, " \t\r\n")
	switch {
	case len(b.data) == 0:
		return body{Object: wire.NewObject()}, nil
	case !json.Valid(text) || text[0] != '{' && text[0] != '[':
		return body{}, errMalformed
	case text[0] == '[':
		return body{Object: wire.NewObject(), array: true}, nil
	}
	object, err := wire.ParseObject(text)
	if err != nil {
		return body{}, errMalformed
	}
	return body{Object: object}, nil
}

func (b body) has(name string) bool { _, ok := b.Members[name]; return ok }

// text returns the member if it is a string, or "".
func (b body) text(name string) string {
	text, _ := b.Members[name].(string)
	return text
}

// address is the e-mail address of the body as v1 reads it.
func (b body) address() string { return strings.ToLower(b.text("email")) }
