// Package e2e tests the whole: the Caddy binary of this repository in front of
// real servers, asked by the clients that shops use. It needs redis-server,
// Node with npm, and chromium (make setup).
//
// Redis servers come from identitytest.StartRedis, Caddy from StartCaddy. The packages
// medusa and medusa-v1 get theirs from StartMedusa, ask two servers the same (Side) and
// compare what they answer, and let something befall a request on its way (Gate). What
// clients do is written in JavaScript and run by RunScript: the official SDK in
// sdk/, the storefront page in browser/ (CHROMIUM names another browser than
// /usr/bin/chromium), with the packages of client/.
package e2e
