// Package medusav1 talks to an unmodified Medusa v1 that stands behind the sidecar
// (docs/medusa-v1.md; reference medusa-v1, section 9): accounts that belong to
// identities of ours, accounts that move over, resets through the shop's own
// subscriber, and who somebody is there.
//
// What Medusa says in prose is compared or, where it is about the form of what a
// client sent, handed on; it is never logged.
package medusav1
