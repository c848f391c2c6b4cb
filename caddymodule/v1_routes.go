package caddymodule

import (
	"net/http"
	"path"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusav1"
)

// credentialRoute is a route of a backend that writes a password, or shows who
// knows one. None of them gets a request as the client sent it.
type credentialRoute struct {
	method string // "" is every one, also of what is below the path
	path   string // as in a Link
	serve  credentialHandler
}

type credentialHandler func(h *Handler, w http.ResponseWriter, r *http.Request, s *state, next caddyhttp.Handler) error

// v1Routes are those of Medusa v1 (reference medusa-v1, section 3), but for what
// the older dialect has answered before. Those that are closed here would bypass
// it.
func v1Routes(client *medusav1.Backend) []credentialRoute {
	accounts := v1Accounts{client}
	return []credentialRoute{
		{http.MethodPost, "/store/customers/me", changeOwnPassword},
		{http.MethodPost, "/admin/customers", accounts.make(identity.Customer)},
		{http.MethodPost, "/admin/customers/*", refusePassword},
		{http.MethodPost, "/admin/users", accounts.make(identity.User)},
		{http.MethodPost, "/admin/invites/accept", accounts.accept},

		{"", "/store/auth", closed},
		{"", "/admin/auth", closedButToKeys},
		{http.MethodPost, "/store/customers", closed},
		{http.MethodPost, "/store/customers/password-token", closed},
		{http.MethodPost, "/store/customers/password-reset", closed},
		{http.MethodPost, "/admin/users/password-token", closed},
		{http.MethodPost, "/admin/users/reset-password", closed},
	}
}

// credentialRoute returns the backend's route for the request if that is one of
// those, or nil. Preflights pass: they have no body.
func (h *Handler) credentialRoute(r *http.Request) *credentialRoute {
	if h.backend == nil || len(h.backend.credentials) == 0 || preflight(r) {
		return nil
	}
	cleaned := path.Clean(r.URL.Path) // what the backend reads otherwise has no route there
	for i := range h.backend.credentials {
		route := &h.backend.credentials[i]
		switch _, ok := matchRoute(route.path, cleaned); {
		case route.method == "" && below(cleaned, route.path), route.method == r.Method && ok:
			return route
		}
	}
	return nil
}

// closed answers in place of the backend.
func closed(h *Handler, w http.ResponseWriter, r *http.Request, _ *state, _ caddyhttp.Handler) error {
	h.refused(r, "backend_route")
	h.origins.Allow(w.Header(), r)
	return answerNoRoute.write(w)
}

// closedButToKeys lets the owner of an API key ask who that is.
func closedButToKeys(h *Handler, w http.ResponseWriter, r *http.Request, s *state, next caddyhttp.Handler) error {
	asks := r.Method == http.MethodGet || r.Method == http.MethodHead
	if asks && path.Clean(r.URL.Path) == "/admin/auth" && s.caller == nil && len(r.Header[h.backend.apiKey]) > 0 {
		return h.pass(w, r, next)
	}
	return closed(h, w, r, s, next)
}

// refusePassword lets everything pass but a password: nobody knows that of another
// person.
func refusePassword(h *Handler, w http.ResponseWriter, r *http.Request, _ *state, next caddyhttp.Handler) error {
	body, err := h.readMembers(w, r)
	if err != nil {
		return h.refuseBody(w, r, err)
	}
	if body.has("password") {
		return h.refuseBody(w, r, &identity.Error{
			Code: identity.CodeNotAllowed, Reason: "password_of_another",
			Message: "The password of a customer is set by the customer; ask for a reset at /store/customers/password-token",
		})
	}
	return h.passMembers(w, r, body, next)
}
