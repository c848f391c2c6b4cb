// Package attacks sends what attackers send, through a real Caddy with the
// sidecar in front of a backend that reports byte by byte what it received, over
// HTTP/1.1, HTTP/2 and HTTP/3.
//
// The corpus is data: the JSON files of this folder, one per group of the
// maintainers' security test list. docs/security.md is the ledger of it.
package attacks
