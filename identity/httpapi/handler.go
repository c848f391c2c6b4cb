package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
)

// ServeHTTP answers any request, whatever its path. The order of the checks is
// Medusa's: route, body, policy, credential, schema (reference medusa-v2,
// section 2).
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := new(call)
	defer func() {
		if v := recover(); v != nil {
			h.recovered(w, r, c.route, v)
		}
	}()
	segments, ok := h.below(r.URL)
	if !ok {
		h.refuse(r, nil, errNoRoute).write(w, r)
		return
	}
	if r.Method == http.MethodOptions {
		h.options(w, r, segments)
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	found, served := h.find(method, segments)
	if !served {
		h.refuse(r, nil, errNoRoute).write(w, r)
		return
	}
	if r.Method != http.MethodHead { // Medusa looks for a route of that very method
		h.Origins.Allow(w.Header(), r)
	}
	c = found
	c.Request = r
	var err error
	if c.body, err = readBody(w, r, h.MaxBody); err == nil {
		var a answer
		if a, err = c.route.serve(h, c); err == nil {
			a.write(w, r)
			return
		}
	}
	h.refuse(r, c.route, err).write(w, r)
}

// recovered answers in place of a route that panicked. The value of the panic
// may hold anything, so it is logged only if the runtime made it.
func (h *Handler) recovered(w http.ResponseWriter, r *http.Request, rt *route, v any) {
	if v == http.ErrAbortHandler {
		panic(v)
	}
	cause := fmt.Sprintf("%T", v)
	if err, ok := v.(runtime.Error); ok {
		cause = err.Error()
	}
	h.Logger.ErrorContext(r.Context(), "panic in a route",
		slog.String("route", h.name(rt)), slog.String("cause", cause), slog.String("stack", string(debug.Stack())))
	internalAnswer().write(w, r)
}
