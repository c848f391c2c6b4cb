package caddymodule

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// An answer is a response that the sidecar gives in place of the backend, in
// the shapes of Medusa (reference medusa-v2, section 2).
type answer struct {
	status     int
	body       string
	retryAfter int // seconds; 0 for none
}

var (
	answerUnauthorized = answer{status: http.StatusUnauthorized, body: `{"message":"Unauthorized"}`}
	answerKey          = answer{status: http.StatusUnauthorized, body: `{"message":"A secret API key was passed as a Bearer token. Secret API keys must be sent using HTTP Basic authentication instead (Authorization: Basic <secret-api-key>)."}`}
	answerMethod       = answer{status: http.StatusForbidden, body: `{"type":"forbidden","message":"This kind of credential is not accepted here"}`}
	answerCrossOrigin  = answer{status: http.StatusForbidden, body: `{"type":"forbidden","message":"Cross-origin request refused"}`}
	answerNoRoute      = answer{status: http.StatusNotFound, body: `{"type":"not_found","message":"There is no such route"}`}
	answerPath         = answer{status: http.StatusBadRequest, body: `{"type":"invalid_data","message":"The path of the request is ambiguous"}`}
	answerInternal     = answer{status: http.StatusInternalServerError, body: `{"code":"unknown_error","type":"unknown_error","message":"An unknown error occurred."}`}
	answerUnknown      = answer{status: http.StatusServiceUnavailable, body: `{"type":"unavailable","message":"Service temporarily unavailable"}`, retryAfter: 1}
)

// unauthorized is an answer that says why, in Medusa's words.
func unauthorized(message string) answer {
	return typed(http.StatusUnauthorized, "unauthorized", message)
}

// typed is a refusal of that type.
func typed(status int, kind, message string) answer {
	body, err := json.Marshal(struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}{kind, message})
	if err != nil { // of two strings
		return answerInternal
	}
	return answer{status: status, body: string(body)}
}

func (a answer) write(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	h.Set("Cache-Control", "private, no-store")
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(a.retryAfter))
		h.Set("Access-Control-Expose-Headers", "Retry-After") // else a page elsewhere cannot read it
	}
	w.WriteHeader(a.status)
	_, err := w.Write([]byte(a.body))
	return err
}
