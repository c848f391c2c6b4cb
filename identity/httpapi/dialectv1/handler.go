package dialectv1

import (
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime"
	"runtime/debug"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// call is a request on its way through a route.
type call struct {
	*http.Request
	route *route
	body  body
}

// Serve answers the request if it is for the dialect, and reports whether it did.
// The body of one that is not can still be read.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) (served bool) {
	p := normal(r.URL.Path)
	c := &call{Request: r, route: h.find(r.Method, p)}
	defer func() {
		if v := recover(); v != nil {
			h.recovered(w, c, v)
			served = true
		}
	}()
	switch {
	case p == customers && !h.registers(r):
		return false
	case p != customers && !ours(p):
		return false
	case c.route != nil && c.route.path == adminAuth && c.route.method == http.MethodGet && h.byAPIToken(r):
		return false
	}
	data, err := readBody(w, r, h.MaxBody)
	if err == nil {
		c.body, err = data.parse()
	}
	if p == customers && h.Both && r.Method == http.MethodPost && err == nil && !c.body.has("password") {
		data.restore(r)
		return false
	}
	h.Origins.Allow(w.Header(), r)
	if r.Method == http.MethodOptions {
		preflight(w, r)
		return true
	}
	var a answer
	if err == nil {
		a, err = h.answer(c)
	}
	if err != nil {
		a = h.refuse(c, err)
	}
	a.write(w, r)
	return true
}

// registers reports whether a request of the path that registration shares with
// the backend can be a registration.
func (h *Handler) registers(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost:
		return !h.Both || !verify.PresentsBearer(r.Header) && isJSON(r.Header)
	case http.MethodOptions:
		// The backend of the newer dialect answers for its own route, and may allow
		// other origins than ours.
		return r.Header.Get("Access-Control-Request-Method") == http.MethodPost && (!h.Both || h.Origins.Allowed(r.Header.Get("Origin")))
	}
	return false
}

// byAPIToken reports whether nothing but an API token of the backend's is there to
// authenticate the request.
func (h *Handler) byAPIToken(r *http.Request) bool {
	_, session := h.Sessions.FromRequest(r.Header)
	return h.Legacy && !session && !verify.PresentsBearer(r.Header) && r.Header.Get("X-Medusa-Access-Token") != ""
}

// answer validates the body and serves the route.
func (h *Handler) answer(c *call) (answer, error) {
	if c.route == nil {
		return answer{}, errNoRoute
	}
	if c.route.schema != nil {
		if err := c.route.schema.check(c.body); err != nil {
			return answer{}, err
		}
	}
	return c.route.serve(h, c)
}

// segment is the last one of the path as the client wrote it, decoded.
func (c *call) segment() string { return path.Base(c.URL.Path) }

// recovered answers in place of a route that panicked. The value of the panic
// may hold anything, so it is logged only if the runtime made it.
func (h *Handler) recovered(w http.ResponseWriter, c *call, v any) {
	if v == http.ErrAbortHandler {
		panic(v)
	}
	cause := fmt.Sprintf("%T", v)
	if err, ok := v.(runtime.Error); ok {
		cause = err.Error()
	}
	h.Logger.ErrorContext(c.Context(), "panic in a route",
		slog.String("route", c.route.name()), slog.String("cause", cause), slog.String("stack", string(debug.Stack())))
	internalAnswer.write(w, c.Request)
}

// input is what the provider gets of a request. v1 looks addresses up in lower case.
func (c *call) input() identity.Input {
	return identity.Input{ActorType: c.route.party.actorType, Body: map[string]any{
		"email": c.body.address(), "password": c.body.text("password"),
	}}
}
