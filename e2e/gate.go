//go:build unix

package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Gate is the network between the sidecar and its backend, which fails where a test
// says so. A route is a method and a path: "POST /auth/token/refresh".
type Gate struct {
	server  *httptest.Server
	forward *httputil.ReverseProxy
	aside   func(*http.Request) bool

	mu     sync.Mutex
	faults map[string]Fault         // by route, of the next request
	held   map[string]Fault         // by route, of every request; "" is every route
	seen   map[string][]http.Header // by route
	closed bool                     // whether every request fails
}

// FaultTimeout is how long a request that a test waits for may take to come. Only
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
// Requests for which aside is true, unless it is nil, meet no fault of one route,
// and are not counted.
func NewGate(t *testing.T, backend string, aside func(*http.Request) bool) *Gate {
	t.Helper()
	target, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{
		aside:   aside,
		forward: httputil.NewSingleHostReverseProxy(target),
		faults:  make(map[string]Fault), held: make(map[string]Fault), seen: make(map[string][]http.Header),
	}
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

// Once makes the next request of that route meet a fault.
func (g *Gate) Once(route string, f Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults[route] = f
}

// Hold keeps every request of that route, or all if it is "", until release is
// called or the test ends. The backend gets them then, though nobody waits any more.
func (g *Gate) Hold(t *testing.T, route string) (release func()) {
	t.Helper()
	open := make(chan struct{})
	g.mu.Lock()
	g.held[route] = func(forward func()) {
		<-open
		forward()
	}
	g.mu.Unlock()
	release = sync.OnceFunc(func() {
		g.mu.Lock()
		delete(g.held, route)
		g.mu.Unlock()
		close(open)
	})
	t.Cleanup(release)
	return release
}

// Met fails the test unless the fault is met, also by a request that nobody waits for.
func (g *Gate) Met(t *testing.T) {
	t.Helper()
	g.await(t, "a request that meets the fault", func() bool { return len(g.faults) == 0 })
}

// Arrived waits until there were that many requests of the route.
func (g *Gate) Arrived(t *testing.T, route string, count int) {
	t.Helper()
	g.await(t, route, func() bool { return len(g.seen[route]) >= count })
}

func (g *Gate) await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for late := time.After(FaultTimeout); ; {
		g.mu.Lock()
		done := is()
		g.mu.Unlock()
		if done {
			return
		}
		select {
		case <-late:
			t.Fatalf("there was not %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Asked returns the headers of the requests of that route so far.
func (g *Gate) Asked(route string) []http.Header {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen[route]
}

// Shut makes every request fail, or none.
func (g *Gate) Shut(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
}

// pass notes a request and returns what is to happen to it.
func (g *Gate) pass(r *http.Request) (f Fault, closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.aside != nil && g.aside(r) {
		return g.held[""], g.closed
	}
	route := r.Method + " " + r.URL.Path
	g.seen[route] = append(g.seen[route], r.Header.Clone())
	f = g.faults[route]
	delete(g.faults, route)
	if f == nil {
		f = g.held[route]
	}
	if f == nil {
		f = g.held[""]
	}
	return f, g.closed
}

// ServeHTTP implements http.Handler.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, closed := g.pass(r)
	switch {
	case closed:
		Broken()
	case f == nil:
		g.forward.ServeHTTP(w, r)
	default:
		// What reached the backend is done there, though who asked may be gone.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			Broken()
		}
		r = r.WithContext(context.WithoutCancel(r.Context()))
		r.Body = io.NopCloser(bytes.NewReader(body))
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
