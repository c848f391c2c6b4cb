package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// checkCoverage refuses a site with auth_require in which no auth_sidecar can run
// before it. The rule itself refuses what it is for; all other requests would
// reach the backend with the `X-Auth-*` headers that their clients made up.
func checkCoverage(ctx caddy.Context) error {
	return checkServers(ctx, func(server *caddyhttp.Server) (wrong string, hosts []string) {
		w := walk{named: server.NamedRoutes, inside: make(map[string]bool)}
		if _, ok := w.routes(server.Routes, false); ok {
			return "", nil
		}
		return "has auth_require, and no auth_sidecar before it: nobody is verified there, and what clients say in X-Auth-* headers reaches the backend; add the directive auth_sidecar to the site", w.hosts
	})
}

// walk goes through the handlers of a server in the order in which requests meet
// them. Whether a matcher matches is not asked: a request may take any way.
type walk struct {
	named  map[string]*caddyhttp.Route
	inside map[string]bool // the named routes that it is in
	hosts  []string        // of the innermost site at which it ended
}

// routes reports whether an auth_sidecar may have run when a request leaves the
// list, and false for ok if it found a rule before which none can have.
func (w *walk) routes(list caddyhttp.RouteList, covered bool) (after, ok bool) {
	groups := make(map[string]bool) // of which a member has one: no other runs then
	for _, route := range list {
		before := covered
		for group := range groups {
			before = before || group != route.Group
		}
		after, ok := w.handlers(route.Handlers, before)
		if !ok {
			if len(w.hosts) == 0 {
				w.hosts = hostsOf(route)
			}
			return after, false
		}
		switch {
		case !after || route.Terminal: // no request goes on from there
		case route.Group == "":
			covered = true
		default:
			groups[route.Group] = true
		}
	}
	return covered || len(groups) > 0, true
}

func (w *walk) handlers(list []caddyhttp.MiddlewareHandler, covered bool) (after, ok bool) {
	for _, handler := range list {
		ok := true
		switch h := handler.(type) {
		case *Handler:
			covered = true
		case *Require:
			ok = covered
		case *caddyhttp.Subroute:
			covered, ok = w.routes(h.Routes, covered)
		case *caddyhttp.Invoke:
			route, known := w.named[h.Name]
			if !known || w.inside[h.Name] {
				continue
			}
			w.inside[h.Name] = true
			covered, ok = w.routes(caddyhttp.RouteList{*route}, covered)
			delete(w.inside, h.Name)
		}
		if !ok {
			return covered, false
		}
	}
	return covered, true
}
