package httpapi

import (
	"net/http"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// CrossOrigin refuses requests that a page of a foreign origin made a browser
// send, and to which the browser added a cookie by itself. Ask it about requests
// that a session authenticates; nobody can make a browser add a bearer token.
// Logins need no check: they set no cookie, and their answer is a token that a
// foreign page cannot read. Making it a cookie takes a bearer.
type CrossOrigin struct {
	trusted    Origins
	protection *http.CrossOriginProtection
}

// NewCrossOrigin returns the check that trusts the server's own origin and the
// given ones.
func NewCrossOrigin(trusted Origins) *CrossOrigin {
	return &CrossOrigin{trusted: trusted, protection: http.NewCrossOriginProtection()}
}

// Check returns an *identity.Error with CodeForbidden for a request that must
// not count. GET, HEAD and OPTIONS pass, and so does what no browser sends.
func (c *CrossOrigin) Check(r *http.Request) error {
	err := c.protection.Check(r)
	if err == nil {
		return nil
	}
	if origins := r.Header["Origin"]; len(origins) == 1 && c.trusted.Allowed(origins[0]) {
		return nil
	}
	return &identity.Error{
		Code: identity.CodeForbidden, Reason: "cross_origin", Message: "Cross-origin request refused", Err: err,
	}
}
