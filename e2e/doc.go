// Package e2e tests the whole: the Caddy binary of this repository in front of
// real servers, asked by the clients that shops use. It needs redis-server,
// Node with npm, and chromium (make setup).
//
// Redis servers come from identitytest.StartRedis.
package e2e
