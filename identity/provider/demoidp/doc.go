// Package demoidp is a small OpenID provider for trying the sidecar out, and for
// tests.
//
// NEVER USE IT IN PRODUCTION: it asks for no password. Whoever can open its page
// logs in as anybody they name, with an e-mail address that it calls verified.
//
// What it does it does properly: discovery, the code flow with PKCE S256 (which
// it insists on), a nonce, client authentication by header or body, codes that
// work once and for a minute, signed ID tokens, userinfo. Everything is in
// memory, the signing key too, and gone with the process.
//
// Misbehave makes it lie, so that tests can see what a client does then.
package demoidp
