package identitytest

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// MedusaFault is what happens to a request to a Medusa.
type MedusaFault string

// The faults.
const (
	MedusaFails MedusaFault = "500 before anything was done"
	MedusaLoses MedusaFault = "the answer is lost after it was done"
	MedusaHangs MedusaFault = "no answer"
)

// faulty is a server that fails where a test says so, and counts.
type faulty struct {
	guard   sync.Mutex
	calls   map[string]int // by `METHOD /path`
	faults  map[string]MedusaFault
	hanging chan struct{}
}

// start starts the server. It ends with the test.
func (f *faulty) start(t testing.TB, serve http.HandlerFunc) *httptest.Server {
	f.calls, f.faults, f.hanging = map[string]int{}, map[string]MedusaFault{}, make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.meet(w, r, serve) }))
	t.Cleanup(func() {
		close(f.hanging)
		server.Close()
	})
	return server
}

// Fault lets every request of a route, such as `POST /store/customers`, fail; ""
// is every route. No fault ends it.
func (f *faulty) Fault(route string, fault MedusaFault) {
	f.guard.Lock()
	defer f.guard.Unlock()
	f.faults[route] = fault
}

// Calls returns how often a route was called.
func (f *faulty) Calls(route string) int {
	f.guard.Lock()
	defer f.guard.Unlock()
	return f.calls[route]
}

func (f *faulty) meet(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
	route := r.Method + " " + r.URL.Path
	f.guard.Lock()
	f.calls[route]++
	fault := f.faults[route]
	if fault == "" {
		fault = f.faults[""]
	}
	f.guard.Unlock()
	switch fault {
	case MedusaFails:
		writeJSON(w, http.StatusInternalServerError, map[string]string{"code": "unknown_error", "type": "unknown_error", "message": "An unknown error occurred."})
	case MedusaHangs:
		select {
		case <-f.hanging:
		case <-r.Context().Done():
		}
	case MedusaLoses:
		serve(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	default:
		serve(w, r)
	}
}
