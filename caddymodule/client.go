package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// withClient tells the domain where the request came from: the address that Caddy
// took for the client's, which is that of a header only from trusted proxies, and
// the program that the client says it is.
func withClient(r *http.Request) *http.Request {
	address, _ := requestVar(r, caddyhttp.ClientIPVarKey).(string)
	ctx := identity.WithClient(r.Context(), address)
	return r.WithContext(identity.WithAgent(ctx, r.UserAgent()))
}
