//go:build unix && medusa

package medusa

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// gate is the network between the sidecar and Medusa, which fails where a test
// says so. A route is a method and a path: "POST /auth/token/refresh".
type gate struct {
	server  *httptest.Server
	forward *httputil.ReverseProxy

	mu     sync.Mutex
	faults map[string]fault         // by route, of the next request
	held   map[string]fault         // by route, of every request; "" is every route
	seen   map[string][]http.Header // by route
	closed bool                     // whether every request fails
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
	g := &gate{
		forward: httputil.NewSingleHostReverseProxy(target),
		faults:  make(map[string]fault), held: make(map[string]fault), seen: make(map[string][]http.Header),
	}
	g.forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { broken() }
	g.server = httptest.NewServer(g)
	t.Cleanup(func() {
		g.server.CloseClientConnections()
		g.server.Close()
	})
	return g
}

func (g *gate) addr() string { return g.server.Listener.Addr().String() }

// once makes the next request of that route meet a fault.
func (g *gate) once(route string, f fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults[route] = f
}

// hold keeps every request of that route, or all if it is "", until release is
// called or the test ends. Medusa gets them then, though nobody waits any more.
func (g *gate) hold(t *testing.T, route string) (release func()) {
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

// met fails the test unless the fault is met, also by a request that nobody waits for.
func (g *gate) met(t *testing.T) {
	t.Helper()
	g.await(t, "a request that meets the fault", func() bool { return len(g.faults) == 0 })
}

// arrived waits until there were that many requests of the route.
func (g *gate) arrived(t *testing.T, route string, count int) {
	t.Helper()
	g.await(t, route, func() bool { return len(g.seen[route]) >= count })
}

func (g *gate) await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for late := time.After(eventTimeout); ; {
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

// asked returns the headers of the requests of that route so far.
func (g *gate) asked(route string) []http.Header {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen[route]
}

// shut makes every request fail, or none.
func (g *gate) shut(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
}

// pass notes a request and returns what is to happen to it.
func (g *gate) pass(r *http.Request) (f fault, closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if asksForTrust(r) {
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

// asksForTrust: the sidecar asks now and then whether Medusa takes its tokens, by
// a route that tests are about, at moments that are not theirs.
func asksForTrust(r *http.Request) bool {
	claims := make(jwt.MapClaims)
	_, _, err := jwt.NewParser().ParseUnverified(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), claims)
	return err == nil && r.URL.Path == refreshPath && claims["actor_type"] == "sidecar"
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, closed := g.pass(r)
	switch {
	case closed:
		broken()
	case f == nil:
		g.forward.ServeHTTP(w, r)
	default:
		// What reached Medusa is done there, though who asked may be gone.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			broken()
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
			broken()
		}
		for name, values := range kept.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.Body.Bytes())
	}
}
