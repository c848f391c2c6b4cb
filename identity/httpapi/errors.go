package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/wire"
)

// typedError is the shape of what handlers throw.
type typedError struct {
	Code    string `json:"code,omitempty"`
	Type    string `json:"type"`
	Message text   `json:"message"`
}

// plainError is the shape of the authentication middleware.
type plainError struct {
	Message text `json:"message"`
}

// bodyError is the shape of the body parser.
type bodyError struct {
	Message text   `json:"message"`
	Type    string `json:"type"`
}

var (
	errNoRoute = &identity.Error{Code: identity.CodeNotFound, Reason: "route_unknown", Message: "There is no such route"}
	// errUnauthorized: no credential of the kind that the route wants.
	errUnauthorized = &identity.Error{Code: identity.CodeUnauthorized, Reason: "credential_missing"}
)

// statuses says what the codes are on the wire. All others are 500.
var statuses = map[identity.Code]int{
	identity.CodeInvalid:      http.StatusBadRequest,
	identity.CodeNotAllowed:   http.StatusBadRequest,
	identity.CodeUnauthorized: http.StatusUnauthorized,
	identity.CodeForbidden:    http.StatusForbidden,
	identity.CodeNotFound:     http.StatusNotFound,
	identity.CodeLimited:      http.StatusTooManyRequests,
	identity.CodeUnavailable:  http.StatusServiceUnavailable,
}

// describe returns the status and the body for an error, without anything of
// its cause.
func describe(err error) (status int, body any) {
	if p, ok := errors.AsType[*wire.ParserError](err); ok {
		kind := string(identity.CodeInternal)
		if p.Status == http.StatusBadRequest {
			kind = string(identity.CodeInvalid)
		}
		return p.Status, bodyError{Message: text(p.Message), Type: kind}
	}
	code := identity.CodeOf(err)
	message := text("")
	if e, ok := errors.AsType[*identity.Error](err); ok {
		message = text(e.Message)
	}
	switch {
	case IsUnknown(err):
		return http.StatusServiceUnavailable, typedError{
			Type: "unavailable", Message: "Service temporarily unavailable",
		}
	case code == identity.CodeUnauthorized && message == "":
		return http.StatusUnauthorized, plainError{Message: "Unauthorized"}
	}
	status, known := statuses[code]
	if !known {
		return http.StatusInternalServerError, typedError{
			Code: "unknown_error", Type: "unknown_error", Message: "An unknown error occurred.",
		}
	}
	if message == "" {
		message = text(http.StatusText(status))
	}
	return status, typedError{Type: string(code), Message: message}
}

// IsUnknown reports whether nobody can say how it is, or how an operation ended: the
// store or a backend cannot be asked, or there was no time left.
func IsUnknown(err error) bool {
	switch identity.CodeOf(err) {
	case identity.CodeUnavailable:
		return true
	case identity.CodeInternal:
		return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	default:
		return false
	}
}

// refuse makes the answer for an error and logs it: a line without anything
// that the client made up. The cause is added where the fault is ours.
func (h *Handler) refuse(r *http.Request, c *call, err error) answer {
	status, body := describe(err)
	reason := identity.ReasonOf(err)
	if p, ok := errors.AsType[*wire.ParserError](err); ok {
		reason = p.Reason
	}
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("reason", reason), slog.Int("status", status), slog.String("route", h.name(c.route))}
	actorType, provider := h.Service.Known(c.actor, c.provider)
	if provider != "" {
		attrs = append(attrs, slog.String("provider", provider))
	}
	if actorType != "" {
		attrs = append(attrs, slog.String("actor_type", actorType))
	}
	remedy, ours := Remedy(reason)
	if (status >= http.StatusInternalServerError || ours) && r.Context().Err() == nil { // unless the client has gone
		level = slog.LevelWarn
		attrs = append(attrs, slog.Any("error", err))
	}
	if ours {
		attrs = append(attrs, slog.String("remedy", remedy))
	}
	attrs = append(attrs, LimitAttrs(err)...)
	h.Logger.LogAttrs(r.Context(), level, "request refused", attrs...)
	a, failure := jsonAnswer(status, body)
	if failure != nil {
		return internalAnswer()
	}
	a.retryAfter = RetryAfter(status, err)
	a.public = c.route == nil
	return a
}

// LimitAttrs says in a log line which limit refused, by its name in the
// configuration and by the pseudonym of whose it is, which ends the key in Redis.
func LimitAttrs(err error) []slog.Attr {
	limit, key := identity.LimitOf(err)
	if limit == "" {
		return nil
	}
	return []slog.Attr{slog.String("limit", limit), slog.String("key", key)}
}

// Remedy says what the operator can do about a refusal that a set-up causes.
func Remedy(reason string) (text string, ok bool) {
	text, ok = remedies[reason]
	return text, ok
}

var remedies = map[string]string{
	"client_refused": "the third party does not take the shop for one of its clients: compare client_id and client_secret with what is registered there, " +
		"see whether the secret has expired, and register the callback page there letter for letter",
	"write_not_replicated": "fewer replicas than redis wait wants had the write in its time, which the master has: see whether they are up and in step " +
		"(INFO replication at the master, or caddy auth-sidecar doctor); if they are, lengthen the time of wait, else start replicas or lower wait",
}

// RetryAfter returns the seconds after which a request is worth repeating that was
// answered with that status for that error, rounded up, or 0 for none.
func RetryAfter(status int, err error) int {
	switch status {
	case http.StatusServiceUnavailable:
		return 1
	case http.StatusTooManyRequests:
		wait := time.Second
		if e, ok := errors.AsType[*identity.Error](err); ok {
			wait = max(wait, e.RetryAfter)
		}
		return int((wait + time.Second - 1) / time.Second)
	}
	return 0
}

func internal(reason string, err error) error {
	return &identity.Error{Code: identity.CodeInternal, Reason: reason, Err: err}
}

func internalAnswer() answer {
	return answer{
		status: http.StatusInternalServerError, media: mediaJSON,
		body: []byte(`{"code":"unknown_error","type":"unknown_error","message":"An unknown error occurred."}`),
	}
}
