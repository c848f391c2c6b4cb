// Package faults tests what becomes of requests and of what was acknowledged
// while Redis, the network to it or the sidecar itself fails: the Caddy of this
// repository as its own process, in front of a backend that says what it got, on
// a real Redis, by way of a relay on which single commands and replies go wrong
// (identitytest.Relay).
//
// `go test ./e2e/faults` is a part of it that takes a minute, the build tag
// `faults` adds the rest (make test-faults). docs/reliability.md says which
// promise each test proves.
package faults
