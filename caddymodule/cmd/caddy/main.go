// Command caddy is a complete Caddy with the authentication sidecar and its
// demo, built with plain `go build` from the versions in this module's go.sum.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	// The modules of Caddy's own distribution.
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-commerce/auth-sidecar/caddymodule"
	_ "github.com/caddy-commerce/auth-sidecar/caddymodule/demo"
)

func main() { caddycmd.Main() }
