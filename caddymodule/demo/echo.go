package demo

import (
	"context"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// received is what reached the backend, credentials included: a sidecar that
// forwards too much shows here.
type received struct {
	Method  string      `json:"method"`
	Host    string      `json:"host"`
	Path    string      `json:"path"`     // decoded
	RawPath string      `json:"raw_path"` // as it was sent
	Query   string      `json:"query"`    // as it was sent
	Headers http.Header `json:"headers"`
	Remote  string      `json:"remote"` // address of the peer
}

// echo answers any method at /store/echo and /admin/echo. It asks for no
// credential: that is the sidecar's task.
func echo(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, received{
		Method:  r.Method,
		Host:    r.Host,
		Path:    r.URL.Path,
		RawPath: r.URL.EscapedPath(),
		Query:   r.URL.RawQuery,
		Headers: r.Header,
		Remote:  r.RemoteAddr,
	})
}

// socketIdle ends a WebSocket on which nothing was said for so long.
const socketIdle = 5 * time.Minute

// echoSocket sends every WebSocket message at /store/ws back. Messages hold at
// most 32 KiB, the library's bound; a browser must come from the same host.
func echoSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered
	}
	defer conn.CloseNow()
	for echoMessage(r.Context(), conn) == nil {
	}
}

func echoMessage(ctx context.Context, conn *websocket.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, socketIdle)
	defer cancel()
	kind, message, err := conn.Read(ctx)
	if err != nil {
		return err
	}
	return conn.Write(ctx, kind, message)
}
