package dialectv1

import (
	"net/http"
	"strconv"

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/wire"
)

const (
	mediaJSON = "application/json; charset=utf-8"
	mediaText = "text/plain; charset=utf-8"
)

// answer is a response before it is written.
type answer struct {
	status     int
	media      string // "" for none at all
	body       []byte
	cookie     string // a Set-Cookie line or ""
	device     string // the same, for the browser of somebody who logged in
	retryAfter int    // seconds, 0 for none
}

var internalAnswer = answer{
	status: http.StatusInternalServerError, media: mediaJSON,
	body: []byte(`{"code":"unknown_error","type":"unknown_error","message":"An unknown error occurred."}`),
}

func jsonAnswer(status int, v any) (answer, error) {
	data, err := wire.Encode(v)
	if err != nil {
		return answer{}, internal("json_encoding", err)
	}
	return answer{status: status, media: mediaJSON, body: data}, nil
}

func textAnswer(status int, text string) answer {
	return answer{status: status, media: mediaText, body: []byte(text)}
}

func (a answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "private, no-store")
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(a.retryAfter))
		h.Set("Access-Control-Expose-Headers", "Retry-After")
	}
	for _, cookie := range []string{a.cookie, a.device} {
		if cookie != "" {
			h.Add("Set-Cookie", cookie)
		}
	}
	h["Content-Type"] = nil // none is guessed
	if a.media != "" {
		h.Set("Content-Type", a.media)
	}
	if a.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // the client has gone: nobody is left to tell
	}
}
