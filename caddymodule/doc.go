// Package caddymodule is the plugin: it puts the identity packages into Caddy.
//
// The app `auth_sidecar` holds the realms: isolated sets of identities, each
// with its own Redis, keys, providers and policy. The handler `auth_sidecar`
// answers the authentication routes of a site and verifies the credentials of
// every other request; `auth_require` says who may pass.
package caddymodule
