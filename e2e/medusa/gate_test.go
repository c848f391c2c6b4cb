//go:build unix && medusa

package medusa

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// gate is the network between the sidecar and Medusa, which fails where a test
// says so.
type gate struct {
	server  *httptest.Server
	forward *httputil.ReverseProxy

	mu     sync.Mutex
	faults map[string]fault // by method and path
	closed bool             // whether every request fails
}

// fault is what happens to a request. It passes the request on by calling
// forward, and answers only if it does.
type fault func(forward func())

// The faults that need nothing of the test.
var (
	lost         fault = func(func()) {}                              // it does not reach Medusa
	answerIsLost fault = func(forward func()) { forward(); broken() } // Medusa has done it, and nobody hears
)

// broken ends a request's connection without an answer.
func broken() { panic(http.ErrAbortHandler) }

// newGate opens a gate to Medusa. It ends with the test.
func newGate(t *testing.T, backend *medusa) *gate {
	t.Helper()
	target, err := url.Parse(backend.url())
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{forward: httputil.NewSingleHostReverseProxy(target), faults: make(map[string]fault)}
	g.forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { broken() }
	g.server = httptest.NewServer(g)
	t.Cleanup(func() {
		g.server.CloseClientConnections()
		g.server.Close()
	})
	return g
}

func (g *gate) addr() string { return g.server.Listener.Addr().String() }

// once makes the next request of that method and path meet a fault.
func (g *gate) once(method, path string, f fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults[method+" "+path] = f
}

// met fails the test unless the fault is met, also by a request that nobody waits for.
func (g *gate) met(t *testing.T) {
	t.Helper()
	for late := time.After(eventTimeout); ; {
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

// shut makes every request fail, or none.
func (g *gate) shut(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	route := r.Method + " " + r.URL.Path
	f, closed := g.faults[route], g.closed
	delete(g.faults, route)
	g.mu.Unlock()
	switch {
	case closed:
		broken()
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
			broken()
		}
		for name, values := range kept.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.Body.Bytes())
	}
}
