package httpapi

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/wire"
)

// body is what a request body says, as Express's parsers read it.
type body struct {
	wire.Object
	// other: the body is an array or a plain text. It has no members, but a
	// schema that wants an object says so.
	other bool
}

func newBody() body { return body{Object: wire.NewObject()} }

func malformed(reason string, message text) error {
	return &wire.ParserError{Status: http.StatusBadRequest, Reason: reason, Message: string(message)}
}

func unsupported(reason, message string) error {
	return &wire.ParserError{Status: http.StatusUnsupportedMediaType, Reason: reason, Message: message}
}

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
		return body{}, unsupported("body_charset", `unsupported charset "`+charset+`"`)
	}
	if encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding != "" && encoding != "identity" {
		return body{}, unsupported("body_encoding", `unsupported content encoding "`+encoding+`"`)
	}
	data, err := wire.ReadBody(w, r, limit)
	if err != nil {
		return body{}, err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // a byte order mark, as Node's decoder
	if !utf8.Valid(data) {
		return body{}, wire.ErrNotUTF8
	}
	if len(data) == 0 {
		return newBody(), nil
	}
	return parse(string(data))
}

func parseText(string) (body, error) {
	return body{Object: wire.NewObject(), other: true}, nil
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
	if first[0] == '[' {
		return body{Object: wire.NewObject(), other: true}, nil
	}
	object, err := wire.ParseObject([]byte(src))
	if err != nil {
		return body{}, internal("body_decoding", err)
	}
	return body{Object: object}, nil
}

// input is what providers get of a request.
func (c *call) input() identity.Input {
	in := identity.Input{ActorType: c.actor, Body: c.body.Members, Query: map[string]string{}, Host: strings.ToLower(c.Host)}
	for name, values := range c.URL.Query() {
		in.Query[name] = values[0]
	}
	return in
}
