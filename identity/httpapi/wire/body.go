package wire

import (
	"errors"
	"io"
	"net/http"
)

// ParserError is a failure of the body parser, which has a shape of its own on the
// wire.
type ParserError struct {
	Status int
	Reason string // stable, for logs
	// Message is for the client. It may hold lone surrogates, of three bytes each.
	Message string
}

func (e *ParserError) Error() string { return "reading a request body: " + e.Reason }

// The errors of ReadBody, and ErrNotUTF8 for who looks at the bytes.
var (
	ErrTooLarge = &ParserError{http.StatusRequestEntityTooLarge, "body_too_large", "request entity too large"}
	ErrAborted  = &ParserError{http.StatusBadRequest, "body_aborted", "request aborted"}
	ErrNotUTF8  = &ParserError{http.StatusBadRequest, "body_not_utf8", "Invalid UTF-8 in request body"}
)

// ReadBody reads a body of at most limit bytes.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		return data, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok { // our limit or one outside of ours
		return nil, ErrTooLarge
	}
	return nil, ErrAborted
}
