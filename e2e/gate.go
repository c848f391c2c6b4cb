//go:build unix

package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Gate is the network between the sidecar and its backend, which fails where a test
// says so.
type Gate struct {
	server  *httptest.Server
	forward *httputil.ReverseProxy

	mu     sync.Mutex
	faults map[string]Fault // by method and path
	closed bool             // whether every request fails
}

// FaultTimeout is how long a request that a fault waits for may take to come. Only
// one that never comes reaches it.
const FaultTimeout = time.Minute

// Fault is what happens to a request. It passes the request on by calling
// forward, and answers only if it does.
type Fault func(forward func())

// The faults that need nothing of the test.
var (
	Lost         Fault = func(func()) {}                              // it does not reach the backend
	AnswerIsLost Fault = func(forward func()) { forward(); Broken() } // the backend has done it, and nobody hears
)

// Broken ends a request's connection without an answer.
func Broken() { panic(http.ErrAbortHandler) }

// NewGate opens a gate to the backend at that address. It ends with the test.
func NewGate(t *testing.T, backend string) *Gate {
	t.Helper()
	target, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{forward: httputil.NewSingleHostReverseProxy(target), faults: make(map[string]Fault)}
	g.forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { Broken() }
	g.server = httptest.NewServer(g)
	t.Cleanup(func() {
		g.server.CloseClientConnections()
		g.server.Close()
	})
	return g
}

// Addr returns the host and port at which the gate is.
func (g *Gate) Addr() string { return g.server.Listener.Addr().String() }

// Once makes the next request of that method and path meet a fault.
func (g *Gate) Once(method, path string, f Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults[method+" "+path] = f
}

// Met fails the test unless the fault is met, also by a request that nobody waits for.
func (g *Gate) Met(t *testing.T) {
	t.Helper()
	for late := time.After(FaultTimeout); ; {
		g.mu.Lock()
		left := len(g.faults)
		g.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-late:
			t.Fatal("no request met the fault")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Shut makes every request fail, or none.
func (g *Gate) Shut(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
}

// ServeHTTP implements http.Handler.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	route := r.Method + " " + r.URL.Path
	f, closed := g.faults[route], g.closed
	delete(g.faults, route)
	g.mu.Unlock()
	switch {
	case closed:
		Broken()
	case f == nil:
		g.forward.ServeHTTP(w, r)
	default:
		// The answer is kept back until the fault lets it go.
		kept := httptest.NewRecorder()
		passed := false
		f(func() {
			passed = true
			g.forward.ServeHTTP(kept, r)
		})
		if !passed {
			Broken()
		}
		for name, values := range kept.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.Body.Bytes())
	}
}
