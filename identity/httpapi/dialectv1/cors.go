package dialectv1

import (
	"net/http"
	"strings"
)

// allowOrigin sets the headers of every answer (reference medusa-v1, section 4).
func (h *Handler) allowOrigin(header http.Header, r *http.Request) {
	if origins := r.Header["Origin"]; len(origins) == 1 && h.Origins.Allowed(origins[0]) {
		header.Set("Access-Control-Allow-Origin", origins[0])
	}
	header.Set("Access-Control-Allow-Credentials", "true")
	header.Add("Vary", "Origin")
}

// preflight answers OPTIONS, which v1 takes for a preflight in any case.
func preflight(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Vary", "Origin, Access-Control-Request-Headers")
	header.Set("Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE")
	if names := strings.Join(r.Header["Access-Control-Request-Headers"], ", "); names != "" {
		header.Set("Access-Control-Allow-Headers", names)
	}
	w.WriteHeader(http.StatusNoContent)
}
