package demo

import (
	"fmt"
	"html"
	"net/http"
	"path"
	"strings"
)

// ShopOptions says how a shop knows its callers and where it keeps its records.
type ShopOptions struct {
	// Authenticate finds out who calls. Nil: everybody is anonymous.
	Authenticate Authenticator
	// Records is what the shop remembers. Nil: it starts empty. Several shops
	// may share their records.
	Records *Records
	// AnnounceLinks adds the header X-Auth-Link to the answer that creates an
	// actor, for instance `X-Auth-Link: customer=cus_…`, so that the sidecar
	// need not read the body.
	AnnounceLinks bool
}

// NewShop returns a commerce backend as a plain handler. It answers every
// request itself, unknown paths with 404. It is safe for concurrent use.
func NewShop(opts ShopOptions) http.Handler {
	if opts.Authenticate == nil {
		opts.Authenticate = func(*http.Request) Caller { return Caller{} }
	}
	if opts.Records == nil {
		opts.Records = NewRecords()
	}
	s := &shop{ShopOptions: opts}
	s.routes = map[string]http.HandlerFunc{
		"GET /health": health,

		"GET /store/products":            products,
		"POST /store/customers":          s.identified(customerType, s.createCustomer),
		"GET /store/customers/me":        s.acting(customerType, s.showCustomer),
		"POST /store/customers/me":       s.acting(customerType, s.updateCustomer),
		"GET /store/customers/me/orders": s.acting(customerType, s.listOrders),
		"GET /store/events":              events,
		"GET /store/ws":                  echoSocket,
		"* /store/echo":                  echo,

		"POST /admin/invites":          s.acting(userType, s.createInvite),
		"POST /admin/invites/accept":   s.identified(userType, s.acceptInvite),
		"GET /admin/users/me":          s.acting(userType, s.showUser),
		"DELETE /admin/users/{id}":     s.acting(userType, s.deleteUser),
		"GET /admin/customers":         s.acting(userType, s.listCustomers),
		"DELETE /admin/customers/{id}": s.acting(userType, s.deleteCustomer),
		"* /admin/echo":                echo,
	}
	return s
}

type shop struct {
	ShopOptions
	routes map[string]http.HandlerFunc // "METHOD /path"; "*" is any method
}

// ServeHTTP routes as Express does and http.ServeMux does not: the case of a
// path does not matter, a trailing slash neither, and a path that is not clean
// is unknown instead of redirected. A sidecar has to cope with such a backend.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if route := s.route(r.Method, strings.TrimSuffix(r.URL.Path, "/")); route != nil {
		route(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprintf(w, "<!DOCTYPE html>\n<title>Error</title>\n<pre>Cannot %s %s</pre>\n",
		html.EscapeString(r.Method), html.EscapeString(r.URL.Path))
}

func (s *shop) route(method, name string) http.HandlerFunc {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	name = strings.ToLower(name)
	for _, key := range []string{
		method + " " + name,
		"* " + name,
		method + " " + path.Dir(name) + "/{id}",
	} {
		if route, ok := s.routes[key]; ok {
			return route
		}
	}
	return nil
}

// pathID returns the last segment of the path, in the case it was sent.
func pathID(r *http.Request) string {
	return path.Base(r.URL.Path)
}

type callerHandler func(http.ResponseWriter, *http.Request, Caller)

// acting admits callers that are an actor of the type.
func (s *shop) acting(actorType string, next callerHandler) http.HandlerFunc {
	return s.admitting(actorType, false, next)
}

// identified admits callers of the type whether they have an actor yet or not.
func (s *shop) identified(actorType string, next callerHandler) http.HandlerFunc {
	return s.admitting(actorType, true, next)
}

func (s *shop) admitting(actorType string, actorless bool, next callerHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := s.Authenticate(r)
		if c.ActorType != actorType || c.ActorID == "" && (!actorless || c.IdentityID == "") {
			writeError(w, http.StatusUnauthorized, wireError{Message: "Unauthorized"})
			return
		}
		next(w, r, c)
	}
}

// announce tells the sidecar which actor the caller has become.
func (s *shop) announce(w http.ResponseWriter, actorType, id string) {
	if s.AnnounceLinks {
		w.Header().Set("X-Auth-Link", actorType+"="+id)
	}
}

func health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, "OK")
}
