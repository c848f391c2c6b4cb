package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// errCut is what a write to a client fails with whose credentials ended.
var errCut = errors.New("the stream was closed, for its caller is proven no more")

// followed is the part of an answer that may last longer than its caller is proven.
// It costs nothing until it turns out to.
type followed struct {
	by     *follower
	state  *state // whose caller counts when the answer begins
	stream *openStream
	// announced: the request said that its answer is to last.
	announced bool
	cancel    context.CancelFunc  // of requests with a context of their own, or nil
	wire      http.ResponseWriter // the server's own
	isCut     atomic.Bool
}

// follow readies the answer to a caller's request. It returns the request with a
// context that ends with the caller's credentials if it announces a stream: Caddy's
// proxy closes both ends of an upgraded connection then. One by HTTP/3 gets it in
// any case, for nothing else ends its answer while the backend is silent.
func (w *responseFilter) follow(r *http.Request, s *state, by *follower) *http.Request {
	w.by, w.state = by, s
	by.using.Add(1)
	w.announced = announced(r)
	if !w.announced && r.ProtoMajor < 3 {
		return r
	}
	ctx, cancel := context.WithCancel(r.Context())
	w.cancel = cancel
	return r.WithContext(ctx)
}

// begun is called when the answer's header is about to be written.
func (w *responseFilter) begun(status int) {
	if w.by == nil {
		return
	}
	if status == http.StatusSwitchingProtocols || w.announced && status/100 == 2 || isEventStream(w.Header()) {
		w.lasts()
	}
}

func isEventStream(h http.Header) bool {
	values := h["Content-Type"]
	return len(values) == 1 && len(values[0]) >= len(eventStream) && strings.EqualFold(values[0][:len(eventStream)], eventStream)
}

// lasts looks after the answer from now on.
func (w *responseFilter) lasts() {
	if w.by == nil || w.stream != nil || w.state.caller == nil {
		return
	}
	w.wire = innermost(w.ResponseWriter)
	w.stream = w.by.begin(w.state.caller, w.state.result.SID, w.state.result.Until, w.cut)
}

// cut ends the answer, and with it the request to the backend.
func (w *responseFilter) cut() {
	w.isCut.Store(true)
	if w.cancel != nil {
		w.cancel()
	}
	// A write that waits for the client ends. In HTTP/1 the failing read ends the
	// request's context too, in HTTP/2 the failing write resets the stream. Caddy's
	// own writers in between, which count the time, are for the handler's goroutine.
	control := http.NewResponseController(w.wire)
	past := time.Unix(1, 0)
	_ = control.SetReadDeadline(past)
	_ = control.SetWriteDeadline(past)
}

func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = wrapper.Unwrap()
	}
}

// end is called when the request has been served: its connection may serve others.
func (w *responseFilter) end() {
	if w.stream != nil {
		w.stream.end()
	}
	if w.cancel != nil {
		w.cancel()
	}
	if w.by != nil {
		w.by.using.Add(-1)
	}
}
