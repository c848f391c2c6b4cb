package dialectv1

import (
	"net/http"
	"path"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	storeAuth = "/store/auth"
	adminAuth = "/admin/auth"
	customers = "/store/customers"
)

// Paths are those at or below which the dialect has routes. Who decides what goes
// on to a backend must read a request's path as strictly as the backend could.
var Paths = []string{
	storeAuth, adminAuth, customers,
	"/admin/users/password-token", "/admin/users/reset-password",
}

// party is the side of the shop that a route is for.
type party struct {
	actorType string
	member    string // under which its people stand in bodies
}

var (
	store = party{identity.Customer, "customer"}
	admin = party{identity.User, "user"}
)

type route struct {
	method, path string
	party        party
	schema       schema
	serve        func(*Handler, *call) (answer, error)
}

// routes are those with a path of their own (reference medusa-v1, section 3).
var routes = []route{
	{http.MethodPost, storeAuth, store, storeLogin, (*Handler).login},
	{http.MethodGet, storeAuth, store, nil, (*Handler).current},
	{http.MethodDelete, storeAuth, store, nil, (*Handler).logout},
	{http.MethodPost, storeAuth + "/token", store, storeLogin, (*Handler).token},
	{http.MethodPost, customers, store, registration, (*Handler).register},
	{http.MethodPost, customers + "/password-token", store, resetRequest, (*Handler).requestReset},
	{http.MethodPost, customers + "/password-reset", store, storeReset, (*Handler).reset},
	{http.MethodPost, adminAuth, admin, adminLogin, (*Handler).login},
	{http.MethodGet, adminAuth, admin, nil, (*Handler).current},
	{http.MethodDelete, adminAuth, admin, nil, (*Handler).logout},
	{http.MethodPost, adminAuth + "/token", admin, adminLogin, (*Handler).token},
	{http.MethodPost, "/admin/users/password-token", admin, resetRequest, (*Handler).requestReset},
	{http.MethodPost, "/admin/users/reset-password", admin, adminReset, (*Handler).reset},
}

// exists is the route with a parameter.
var exists = route{http.MethodGet, storeAuth + "/{email}", store, nil, (*Handler).exists}

// name is the route in logs: without anything that a client chose.
func (r *route) name() string {
	if r == nil {
		return ""
	}
	return r.method + " " + r.path
}

// normal returns the path as routes are compared: without empty segments and the
// slash at its end, ASCII letters in lower case.
func normal(p string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c | 0x20
		}
		return c
	}, path.Clean("/"+p))
}

// ours reports whether the path belongs to the dialect whatever the method. Its
// POST /store/customers shares the path with the backend.
func ours(p string) bool {
	for _, root := range []string{storeAuth, adminAuth} {
		if p == root || strings.HasPrefix(p, root+"/") {
			return true
		}
	}
	for i := range routes {
		if routes[i].path == p && p != customers {
			return true
		}
	}
	return false
}

// find returns the route of the method and the normal path, or nil.
func (h *Handler) find(method, p string) *route {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for i := range routes {
		if routes[i].method == method && routes[i].path == p {
			return &routes[i]
		}
	}
	address, ok := strings.CutPrefix(p, storeAuth+"/")
	if ok && method == http.MethodGet && !h.NoExists && !strings.Contains(address, "/") {
		return &exists
	}
	return nil
}
