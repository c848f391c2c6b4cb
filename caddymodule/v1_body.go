package caddymodule

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
)

// members is the body of a request: a JSON object, empty if Medusa v1 would see
// none. What goes on is written anew from it, so that the backend reads nothing
// that was not read here.
type members map[string]json.RawMessage

// The refusals of a body. Medusa has the statuses (reference medusa-v1, section 1).
var (
	errBodyForm = &identity.Error{Code: identity.CodeInvalid, Reason: "body_invalid", Message: "The body must be a JSON object"}
	errBodyCode = &identity.Error{Code: identity.CodeInvalid, Reason: "body_encoded", Message: "The body must not be compressed, and be UTF-8"}
	errBodySize = &identity.Error{Code: identity.CodeInvalid, Reason: "body_too_large", Message: "The body is too large"}
)

// has reports whether the member is there and not null.
func (m members) has(name string) bool {
	value, ok := m[name]
	return ok && string(value) != "null"
}

// text returns the member if it is a string.
func (m members) text(name string) (string, bool) {
	var text *string
	if json.Unmarshal(m[name], &text) != nil || text == nil {
		return "", false
	}
	return *text, true
}

// set replaces a member.
func (m members) set(name, value string) {
	m[name], _ = json.Marshal(value) // a string cannot fail
}

// readMembers reads the body of a request.
func (h *Handler) readMembers(w http.ResponseWriter, r *http.Request) (members, error) {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return members{}, nil // Medusa does not look at it either
	}
	charset, encoding := parameters["charset"], strings.Join(r.Header["Content-Encoding"], ",")
	if charset != "" && !strings.EqualFold(charset, "utf-8") || encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, errBodyCode
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, cmp.Or(h.MaxBody, httpapi.DefaultMaxBody)))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, &identity.Error{Code: errBodySize.Code, Reason: errBodySize.Reason, Message: errBodySize.Message, Err: tooLarge}
	}
	if err != nil {
		return nil, &identity.Error{Code: identity.CodeInvalid, Reason: "body_incomplete", Message: "The body is incomplete", Err: err}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return members{}, nil
	}
	var body members
	if err := json.Unmarshal(data, &body); err != nil || body == nil {
		return nil, errBodyForm
	}
	return body, nil
}

// put makes the members the body of the request.
func (m members) put(r *http.Request) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("writing a body: %w", err)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	r.TransferEncoding, r.Trailer = nil, nil
	for _, field := range []string{"Transfer-Encoding", "Trailer", "Content-Encoding", "Expect"} {
		delete(r.Header, field)
	}
	r.Header["Content-Length"] = []string{strconv.Itoa(len(data))}
	r.Header["Content-Type"] = []string{"application/json"}
	return nil
}

// passMembers passes the request on with that body.
func (h *Handler) passMembers(w http.ResponseWriter, r *http.Request, body members, next caddyhttp.Handler) error {
	if err := body.put(r); err != nil {
		return err
	}
	return h.pass(w, r, next)
}

// refuseBody answers in place of the backend, of which nothing was asked.
func (h *Handler) refuseBody(w http.ResponseWriter, r *http.Request, err error) error {
	e, ok := errors.AsType[*identity.Error](err)
	if !ok {
		h.logger.Error("request could not be answered", zap.String("reason", "internal"), zap.Error(err))
		h.origins.Allow(w.Header(), r)
		return answerInternal.write(w)
	}
	if e.Code == identity.CodeUnavailable {
		return h.unknown(w, r, err)
	}
	h.refused(r, e.Reason)
	h.origins.Allow(w.Header(), r)
	if e.Code == identity.CodeUnauthorized && e.Message == "" {
		return answerUnauthorized.write(w)
	}
	status := http.StatusBadRequest
	switch {
	case e.Code == identity.CodeUnauthorized:
		status = http.StatusUnauthorized
	case e.Reason == errBodySize.Reason:
		status = http.StatusRequestEntityTooLarge
	case e.Reason == errBodyCode.Reason:
		status = http.StatusUnsupportedMediaType
	}
	return typed(status, string(e.Code), e.Message).write(w)
}
