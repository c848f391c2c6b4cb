//go:build unix

package faults

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// newBackend starts a backend that knows its callers by X-Auth-*. It answers every
// request with whom it took the caller for, makes one customer or user of one
// identity however often it is asked, and says back what it hears on an upgraded
// connection. It returns its host and port.
func newBackend(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(serveBackend))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return strings.TrimPrefix(server.URL, "http://")
}

// seen is whom the backend takes a caller for.
type seen struct{ Identity, Actor string }

func serveBackend(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Echo", "1")
	w.Header().Set("Content-Type", "application/json")
	id := r.Header.Get("X-Auth-Identity-Id")
	actor := cmp.Or(r.Header.Get("X-Auth-Actor-Id"), "made_of_"+id)
	switch {
	case r.Header.Get("Upgrade") != "":
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, both, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(conn, both)
	case r.Method == http.MethodPost && r.URL.Path == "/store/customers" && id != "":
		_, _ = fmt.Fprintf(w, `{"customer":{"id":%q}}`, actor)
	case r.Method == http.MethodPost && r.URL.Path == "/admin/invites/accept" && id != "":
		_, _ = fmt.Fprintf(w, `{"user":{"id":%q}}`, actor)
	default:
		_ = json.NewEncoder(w).Encode(seen{id, r.Header.Get("X-Auth-Actor-Id")}) // else the client has gone
	}
}
