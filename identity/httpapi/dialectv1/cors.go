package dialectv1

import (
	"net/http"
	"strings"
)

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
