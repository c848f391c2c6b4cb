package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxBody bounds a request's body, in bytes. Medusa takes 100 kB; with less, a
// full shop stays below 100 MB.
const maxBody = 8 << 10

// wireError is an error as Medusa words it (reference medusa-v2, section 2).
type wireError struct {
	Code    string `json:"code,omitempty"`
	Type    string `json:"type,omitempty"`
	Message string `json:"message"`
}

func invalidData(format string, args ...any) wireError {
	return wireError{Type: "invalid_data", Message: fmt.Sprintf(format, args...)}
}

func writeError(w http.ResponseWriter, status int, e wireError) {
	writeJSON(w, status, e)
}

func writeNotFound(w http.ResponseWriter, what, id string) {
	writeError(w, http.StatusNotFound, wireError{
		Type:    "not_found",
		Message: fmt.Sprintf("%s with id: %s was not found", what, id),
	})
}

func writeUnknownError(w http.ResponseWriter) {
	writeError(w, http.StatusInternalServerError, wireError{
		Code:    "unknown_error",
		Type:    "unknown_error",
		Message: "An unknown error occurred.",
	})
}

// writeJSON writes value with its length, which the sidecar needs to know
// before it decides to read an answer.
func writeJSON(w http.ResponseWriter, status int, value any) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // as JavaScript writes it
	if err := enc.Encode(value); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	text := bytes.TrimSuffix(body.Bytes(), []byte("\n"))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that left gets no answer
}

// fields are the members of a request's JSON object: texts, and metadata,
// which is an object. All may be null.
type fields map[string]json.RawMessage

// text returns the member as the client sent it, nil when it is null or absent.
func (f fields) text(name string) *string {
	var text *string
	_ = json.Unmarshal(f[name], &text) // readFields has seen to its type
	return text
}

// metadata returns the member metadata as sent, nil when it is null or absent.
func (f fields) metadata() json.RawMessage {
	if raw := f["metadata"]; !isNull(raw) {
		return raw
	}
	return nil
}

func isNull(raw json.RawMessage) bool {
	return raw == nil || string(raw) == "null"
}

// readFields reads the members of a request's body and answers the request if
// there is one that is not allowed or not of its type. As with Medusa's body
// parser, a body that is not declared as JSON counts as empty.
func readFields(w http.ResponseWriter, r *http.Request, allowed ...string) (fields, bool) {
	f := fields{}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return f, true
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		writeError(w, http.StatusRequestEntityTooLarge,
			wireError{Message: "request entity too large", Type: "unknown_error"})
		return nil, false
	}
	if err != nil {
		writeError(w, http.StatusBadRequest, invalidData("request aborted"))
		return nil, false
	}
	if len(body) == 0 {
		return f, true
	}
	if err := json.Unmarshal(body, &f); err != nil || f == nil {
		writeError(w, http.StatusBadRequest, invalidData("The body is not a JSON object"))
		return nil, false
	}
	if problems := f.problems(allowed); len(problems) > 0 {
		writeError(w, http.StatusBadRequest, invalidData("Invalid request: %s", strings.Join(problems, "; ")))
		return nil, false
	}
	return f, true
}

// problems words what is wrong with the members as Medusa does.
func (f fields) problems(allowed []string) []string {
	var problems, unknown []string
	for name, raw := range f {
		want, first := "string", byte('"')
		if name == "metadata" {
			want, first = "object", '{'
		}
		switch {
		case !slices.Contains(allowed, name):
			unknown = append(unknown, name)
		case !isNull(raw) && raw[0] != first:
			problems = append(problems,
				fmt.Sprintf("Expected type: '%s' for field '%s', got: '%s'", want, name, raw))
		}
	}
	slices.Sort(problems)
	if len(unknown) > 0 {
		slices.Sort(unknown)
		problems = append(problems, fmt.Sprintf("Unrecognized fields: '%s'", strings.Join(unknown, ", ")))
	}
	return problems
}
