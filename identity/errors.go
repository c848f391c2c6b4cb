package identity

import (
	"errors"
	"time"
)

// Code classifies an Error. The values are stable: they appear in logs as
// reason classes and decide the HTTP status.
type Code string

// The codes, with the status that the HTTP edge gives them.
const (
	CodeInvalid      Code = "invalid_data"      // 400: the input is malformed
	CodeNotAllowed   Code = "not_allowed"       // 400: policy forbids it
	CodeUnauthorized Code = "unauthorized"      // 401: the credential does not prove what it claims
	CodeForbidden    Code = "forbidden"         // 403: proven, but not permitted here
	CodeNotFound     Code = "not_found"         // 404
	CodeLimited      Code = "too_many_requests" // 429: it was not judged, for there were too many before
	CodeUnavailable  Code = "unavailable"       // 503: it cannot be known now; try again
	CodeInternal     Code = "unknown_error"
)

// Error is a failure with a meaning for the caller.
type Error struct {
	Code    Code
	Reason  string // stable snake_case reason for logs and metrics; holds no user data
	Message string // for the client, as the wire contract words it
	Err     error  // cause, for the log only; may be nil
	// RetryAfter is how long the same will have the same answer. Of CodeLimited.
	RetryAfter time.Duration
	// Limit is the bucket that was full, and Key whose it is, by a pseudonym: of
	// CodeLimited by a Limiter, for logs.
	Limit, Key string
}

// Error implements the error interface. The text is for logs.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = string(e.Code)
	}
	if e.Err != nil {
		return text + ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first *Error in err's chain, CodeInternal if
// there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// ReasonOf returns the reason of the first *Error in err's chain, or
// "internal" if there is none.
func ReasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Reason != "" {
		return e.Reason
	}
	return "internal"
}

// LimitOf returns the bucket that is the reason of an error, and whose it is; "" if
// none is.
func LimitOf(err error) (limit, key string) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Limit, e.Key
	}
	return "", ""
}

// Unavailable wraps the failure of a port that could not be asked.
func Unavailable(reason string, err error) error {
	return &Error{Code: CodeUnavailable, Reason: reason, Message: "Service temporarily unavailable", Err: err}
}

// Answers of a Store that are not failures of the store.
var (
	// ErrNotFound: the store was asked and holds no such thing.
	ErrNotFound = errors.New("not found")
	// ErrExists: another identity holds that entity already.
	ErrExists = errors.New("exists already")
	// ErrStale: the record changed since it was read.
	ErrStale = errors.New("changed meanwhile")
	// ErrLinked: the identity has another actor of that type, or another account
	// of that provider, already; or it is somebody.
	ErrLinked = errors.New("linked to another")
	// ErrLast: without it nothing would be left.
	ErrLast = errors.New("the last one")
)
