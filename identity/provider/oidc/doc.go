// Package oidc logs people in at any provider of OpenID Connect: the code flow of
// OpenID Connect Core 1.0, section 3.1, with PKCE and a nonce, and with what
// OpenID Connect Discovery 1.0 says about the provider.
//
// Discovery and keys are fetched when they are first needed, never by New. They
// are kept for an hour, and for a day while the provider cannot be asked.
package oidc
