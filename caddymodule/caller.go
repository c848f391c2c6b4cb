package caddymodule

import (
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// sameOrigin drops the session from the result when another site's page sent
// the request: what a browser attaches by itself proves no intention. A bearer
// token still counts. The error says that nothing is left.
func sameOrigin(r *http.Request, result *verify.Result, crossOrigin *httpapi.CrossOrigin) (*verify.Result, error) {
	if result.SID == "" {
		return result, nil
	}
	checked := r
	if r.Header.Get("Upgrade") != "" { // a WebSocket is opened by GET and is no safe request
		checked = &http.Request{Method: http.MethodPost, Header: r.Header, Host: r.Host, URL: r.URL}
	}
	err := crossOrigin.Check(checked)
	if err == nil {
		return result, nil
	}
	if rest := result.Without(verify.Session); !rest.Anonymous() {
		return rest, nil
	}
	return nil, err
}

// chooseCaller picks the caller that fits Medusa's routes: a session of another
// actor type is skipped, a bearer is for the backend to judge.
func chooseCaller(r *http.Request, result *verify.Result) *verify.Caller {
	var fitting string
	switch p := r.URL.Path; {
	case below(p, "/admin"):
		fitting = "user"
	case below(p, "/store"):
		fitting = "customer"
	}
	caller := result.First(func(c *verify.Caller) bool {
		return fitting == "" || c.Claims.ActorType == fitting
	})
	if caller != nil {
		return caller
	}
	return result.First(func(c *verify.Caller) bool { return c.Method == verify.Bearer })
}
