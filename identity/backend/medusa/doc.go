// Package medusa talks to the authentication routes of an unmodified Medusa v2
// that stands behind the sidecar (docs/medusa.md; reference medusa-v2, section
// 12): shadow identities, actors that nobody heard of, accounts that move over,
// resets through the shop's own subscriber.
//
// All calls are POSTs of JSON by a client of its own, which follows no
// redirects, reads a bounded answer and waits a bounded time. An answer that did
// not come, or that this package does not know, is CodeUnavailable. What Medusa
// says in prose is compared, never logged: it may quote an address or a hash.
package medusa
