package httpapi

import (
	"net/http"
	"strings"
)

// Cross-origin resource sharing as Medusa answers it (reference medusa-v2,
// section 2). Credentials are always allowed, an origin that is not listed gets
// no allow-origin and is served all the same, and a preflight echoes the
// headers it asks for. The package rs/cors answers otherwise in all three.

// Allow sets the headers of an answer to any request that is no preflight.
func (o Origins) Allow(header http.Header, r *http.Request) {
	if origins := r.Header["Origin"]; len(origins) == 1 && o.Allowed(origins[0]) {
		header.Set("Access-Control-Allow-Origin", origins[0])
	}
	header.Set("Access-Control-Allow-Credentials", "true")
	header.Add("Vary", "Origin")
}

// options answers a preflight for a route that is served; any other OPTIONS
// with the methods of the path, as Express does.
func (h *Handler) options(w http.ResponseWriter, r *http.Request, segments []string) {
	header := w.Header()
	if method := r.Header.Get("Access-Control-Request-Method"); method != "" {
		if _, served := h.find(method, segments); served {
			h.Origins.Allow(header, r)
			header.Set("Vary", "Origin, Access-Control-Request-Headers")
			header.Set("Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE")
			if names := strings.Join(r.Header["Access-Control-Request-Headers"], ", "); names != "" {
				header.Set("Access-Control-Allow-Headers", names)
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	methods := h.allowed(segments)
	if len(methods) == 0 {
		h.refuse(r, nil, errNoRoute).write(w, r)
		return
	}
	list := strings.Join(methods, ",")
	header.Set("Allow", list)
	answer{status: http.StatusOK, media: mediaHTML, body: []byte(list), public: true}.write(w, r)
}
