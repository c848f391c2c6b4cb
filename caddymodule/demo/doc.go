// Package demo is a shop to try the sidecar with: a small commerce backend that
// lives in memory (NewShop), a storefront page that uses it the way the official
// client does in session mode, and the directive
// auth_sidecar_demo that puts either of them on a site (Handler), or the OpenID
// provider of the package demoidp, to sign in with.
//
// The backend answers a handful of Medusa v2's routes with Medusa's bodies and
// errors (reference medusa-v2, sections 7 and 8). It knows its callers in one of
// two ways, an Authenticator: by the bearer token, as Medusa does, or by the
// X-Auth-* headers that the sidecar sets, as a backend does that knows no tokens.
//
// It is meant for trying out, tests and benchmarks. Everything in it is bounded,
// and all of it is lost when the process ends.
package demo
