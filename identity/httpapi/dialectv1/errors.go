package dialectv1

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/wire"
)

// errorBody is v1's shape of an error.
type errorBody struct {
	Code    string `json:"code,omitempty"`
	Type    string `json:"type"`
	Message string `json:"message"`
}

// statusError is an answer of v1 that no domain code stands for.
type statusError struct {
	answer answer
	reason string
	err    error
}

func (e *statusError) Error() string { return e.reason }
func (e *statusError) Unwrap() error { return e.err }

var errNoRoute = &identity.Error{Code: identity.CodeNotFound, Reason: "route_unknown", Message: "There is no such route"}

// unauthorized is the answer of passport in front of a route: it has no content
// type (reference medusa-v1, section 2).
func unauthorized(reason string, err error) error {
	return &statusError{answer{status: http.StatusUnauthorized, body: []byte("Unauthorized")}, reason, err}
}

// refusedLogin is the answer to a login that proves nothing: the same whether or
// not there is such an account.
func refusedLogin(err error) error {
	if identity.CodeOf(err) != identity.CodeUnauthorized {
		return err
	}
	return &statusError{textAnswer(http.StatusUnauthorized, "Unauthorized"), identity.ReasonOf(err), err}
}

// refusedReset is the answer to a reset token that is good for nothing.
func refusedReset(err error) error {
	if identity.CodeOf(err) != identity.CodeUnauthorized {
		return err
	}
	return &identity.Error{
		Code: identity.CodeUnauthorized, Reason: identity.ReasonOf(err), Err: err,
		Message: "Invalid or expired password reset token",
	}
}

// describe returns the answer for an error, without anything of its cause.
func describe(err error) answer {
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.answer
	}
	if p, ok := errors.AsType[*wire.ParserError](err); ok {
		return encoded(p.Status, errorBody{Type: string(identity.CodeInvalid), Message: p.Message})
	}
	code, message := identity.CodeOf(err), ""
	if e, ok := errors.AsType[*identity.Error](err); ok {
		message = e.Message
	}
	switch {
	case httpapi.IsUnknown(err):
		a := encoded(http.StatusServiceUnavailable, errorBody{Type: "unavailable", Message: "Service temporarily unavailable"})
		a.retryAfter = httpapi.RetryAfter(a.status, err)
		return a
	case code == identity.CodeLimited:
		a := encoded(http.StatusTooManyRequests, errorBody{Type: string(code), Message: message})
		a.retryAfter = httpapi.RetryAfter(a.status, err)
		return a
	case code == identity.CodeInvalid || code == identity.CodeNotAllowed:
		return encoded(http.StatusBadRequest, errorBody{Type: string(code), Message: message})
	case code == identity.CodeUnauthorized:
		return encoded(http.StatusUnauthorized, errorBody{Type: string(code), Message: message})
	case code == identity.CodeForbidden:
		return encoded(http.StatusForbidden, errorBody{Type: string(code), Message: message})
	case code == identity.CodeNotFound:
		return encoded(http.StatusNotFound, errorBody{Type: string(code), Message: message})
	}
	return internalAnswer
}

func encoded(status int, b errorBody) answer {
	a, err := jsonAnswer(status, b)
	if err != nil {
		return internalAnswer
	}
	return a
}

// refuse makes the answer for an error and logs it: a line without anything that
// the client sent. The cause is added where the fault is ours.
func (h *Handler) refuse(c *call, err error) answer {
	a := describe(err)
	reason := identity.ReasonOf(err)
	if p, ok := errors.AsType[*wire.ParserError](err); ok {
		reason = p.Reason
	}
	if e, ok := errors.AsType[*statusError](err); ok {
		reason = e.reason
	}
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("reason", reason), slog.Int("status", a.status), slog.String("route", c.route.name())}
	if a.status >= http.StatusInternalServerError && c.Context().Err() == nil { // unless the client has gone
		level = slog.LevelWarn
		attrs = append(attrs, slog.Any("error", err))
	}
	if remedy, ok := httpapi.Remedy(reason); ok {
		attrs = append(attrs, slog.String("remedy", remedy))
	}
	attrs = append(attrs, httpapi.LimitAttrs(err)...)
	h.Logger.LogAttrs(c.Context(), level, "request refused", attrs...)
	return a
}

func internal(reason string, err error) error {
	return &identity.Error{Code: identity.CodeInternal, Reason: reason, Err: err}
}
