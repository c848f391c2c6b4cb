package caddymodule

import (
	"maps"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy/fastcgi"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"
)

// checkRewrites refuses a server that changes the path or the method of a request
// behind an auth_sidecar and then proxies it: the backend would be asked for
// something else than was judged, as `/api/auth/x` that becomes its own `/auth/x`
// (attack B4).
func checkRewrites(ctx caddy.Context) error {
	return checkServers(ctx, func(server *caddyhttp.Server) (wrong string, hosts []string) {
		f := flow{named: server.NamedRoutes, inside: make(map[string]bool)}
		if f.routes(server.Routes, passed{}); f.found == "" {
			return "", nil
		}
		return f.found + " after auth_sidecar has judged the request: the backend would be asked for something else; put auth_sidecar and auth_require behind that, into the same block (in a handle_path they see the path as the backend does)", f.hosts
	})
}

// passed is what may have become of a request on the way to a handler.
type passed struct {
	judged  bool // by an auth_sidecar
	changed bool // behind it
}

func (s passed) or(t passed) passed { return passed{s.judged || t.judged, s.changed || t.changed} }

// flow follows requests through the handlers of a server. What matchers match is
// not asked, but that not all members of a group run.
type flow struct {
	named  map[string]*caddyhttp.Route
	inside map[string]bool // the named routes that it is in
	found  string          // what is wrong, or ""
	hosts  []string        // of the innermost site where it is
}

// routes returns what may have become of a request that leaves the list, and
// whether any does.
func (f *flow) routes(list caddyhttp.RouteList, in passed) (after passed, goesOn bool) {
	groups := make(map[string]passed) // what became of it in the members of a group
	for _, route := range list {
		before := in
		for group, state := range groups {
			if group != route.Group {
				before = before.or(state)
			}
		}
		after, goesOn := f.handlers(route.Handlers, before)
		if f.found != "" {
			if len(f.hosts) == 0 {
				f.hosts = hostsOf(route)
			}
			return in, false
		}
		switch {
		case !goesOn || route.Terminal:
			if len(route.MatcherSets) == 0 && route.Group == "" {
				return in, false
			}
		case route.Group != "":
			groups[route.Group] = groups[route.Group].or(after)
		case len(route.MatcherSets) == 0:
			in = after
		default:
			in = in.or(after)
		}
	}
	for state := range maps.Values(groups) {
		in = in.or(state)
	}
	return in, true
}

// handlers returns what may have become of a request behind them, and whether
// any gets there.
func (f *flow) handlers(list []caddyhttp.MiddlewareHandler, s passed) (after passed, goesOn bool) {
	for _, handler := range list {
		switch h := handler.(type) {
		case *Handler:
			s = passed{judged: true}
		case *rewrite.Rewrite:
			s.changed = s.changed || s.judged && changesTarget(h)
		case *reverseproxy.Handler:
			f.proxied(h, s)
			return s, false
		case *fileserver.FileServer:
			if !h.PassThru {
				return s, false
			}
		case *caddyhttp.StaticResponse:
			return s, false
		case *caddyhttp.Subroute:
			if s, goesOn = f.routes(h.Routes, s); !goesOn {
				return s, false
			}
		case *caddyhttp.Invoke:
			if route, known := f.named[h.Name]; known && !f.inside[h.Name] {
				f.inside[h.Name] = true
				s, goesOn = f.routes(caddyhttp.RouteList{*route}, s)
				delete(f.inside, h.Name)
				if !goesOn {
					return s, false
				}
			}
		}
		if f.found != "" {
			return s, false
		}
	}
	return s, true
}

func (f *flow) proxied(h *reverseproxy.Handler, s passed) {
	// PHP is told of the request as the client made it, in REQUEST_URI.
	if _, isPHP := h.Transport.(*fastcgi.Transport); isPHP {
		return
	}
	asks := len(h.HandleResponse) > 0 // as forward_auth does: another server, about the request
	switch {
	case s.changed:
		f.found = "changes the path or the method of a request (rewrite, uri, method, try_files or handle_path) and proxies it"
	case s.judged && h.Rewrite != nil && changesTarget(h.Rewrite) && !asks:
		f.found = "changes the path or the method of a request in reverse_proxy"
	}
}

// changesTarget reports whether the rewrite changes more than the query.
func changesTarget(r *rewrite.Rewrite) bool {
	return r.Method != "" || r.StripPathPrefix != "" || r.StripPathSuffix != "" || len(r.URISubstring) > 0 || len(r.PathRegexp) > 0 ||
		r.URI != "" && !strings.HasPrefix(r.URI, "?")
}
