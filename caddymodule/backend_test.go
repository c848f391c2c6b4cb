package caddymodule_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// seen is a request as the backend got it.
type seen struct {
	Method, Target, Host, Body string
	Header, Trailer            http.Header
}

// backend answers every request with what it saw of it, and remembers it. The
// answer has the field Echo, so that it cannot be taken for one of the sidecar.
type backend struct {
	server *httptest.Server

	mu     sync.Mutex
	routes map[string]http.HandlerFunc
	log    []seen
}

func newBackend(t testing.TB) *backend {
	b := &backend{routes: make(map[string]http.HandlerFunc)}
	b.server = httptest.NewServer(b)
	t.Cleanup(b.server.Close)
	return b
}

// addr returns the backend's host and port.
func (b *backend) addr() string { return strings.TrimPrefix(b.server.URL, "http://") }

// on answers a path in a way of its own.
func (b *backend) on(path string, handler http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.routes[path] = handler
}

// ServeHTTP implements http.Handler.
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Echo", "1")
	b.mu.Lock()
	handler := b.routes[r.URL.Path]
	b.mu.Unlock()
	if handler != nil {
		b.remember(seen{Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header.Clone()})
		handler(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s := seen{Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header, Trailer: r.Trailer, Body: string(body)}
	b.remember(s)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s) // the client has gone
}

func (b *backend) remember(s seen) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, s)
}

// requests returns what was seen since it was asked last.
func (b *backend) requests() []seen {
	b.mu.Lock()
	defer b.mu.Unlock()
	log := b.log
	b.log = nil
	return log
}
