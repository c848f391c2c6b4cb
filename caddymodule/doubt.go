package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// pass calls the next handler. When the way to the backend broke it may be
// another one that answers next.
func (h *Handler) pass(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if h.backend == nil {
		return next.ServeHTTP(w, r)
	}
	var body *clientBody
	if r.Body != nil && r.Body != http.NoBody {
		body = &clientBody{ReadCloser: r.Body}
		r.Body = body
	}
	err := next.ServeHTTP(w, r)
	if brokeOff(err) && !body.failed() && r.Context().Err() == nil {
		h.backend.doubt()
	}
	return err
}

// brokeOff reports whether the error is that of a proxy whose upstream did not
// answer. Another handler's says nothing of it.
func brokeOff(err error) bool {
	e, ok := errors.AsType[caddyhttp.HandlerError](err)
	return ok && (e.StatusCode == http.StatusBadGateway || e.StatusCode == http.StatusGatewayTimeout)
}

// clientBody remembers that the client's body could not be read, which a proxy
// reports as it reports a broken upstream: anybody can send a malformed one.
type clientBody struct {
	io.ReadCloser
	closed, broken atomic.Bool // the proxy may read on after it has returned
}

// Read implements io.Reader.
func (b *clientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	// A proxy closes the body when its upstream breaks; what is read then fails too.
	if err != nil && !errors.Is(err, io.EOF) && !b.closed.Load() {
		b.broken.Store(true)
	}
	return n, err
}

// Close implements io.Closer.
func (b *clientBody) Close() error {
	b.closed.Store(true)
	return b.ReadCloser.Close()
}

func (b *clientBody) failed() bool { return b != nil && b.broken.Load() }
