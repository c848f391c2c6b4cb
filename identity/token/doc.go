// Package token mints and verifies the two kinds of JSON Web Token that the
// sidecar gives out: access tokens, in the form of Medusa v2 to the byte, and
// password-reset tokens. Neither is ever taken for the other.
//
// A Ring is made once of its keys and never changes; all its methods may be
// called concurrently. The algorithm belongs to the key: what a token says in
// its header can select among the ring's own keys and nothing else. The
// signature is checked before the payload is read, so nobody without a key
// reaches the JSON decoder with more than a header.
//
// A token that is refused gives an *identity.Error with CodeUnauthorized and
// one of these reasons:
//
//	token_too_long       longer than MaxLength
//	token_malformed      not a JWT in compact form
//	token_header         a header member that cannot be honoured: crit, jku, jwk, x5u, x5c, another typ
//	token_algorithm      no key of the ring has that algorithm
//	token_signature      no key of the ring made the signature
//	token_purpose        genuine, but made for something else
//	token_claims         genuine, but a claim is missing or not as it must be
//	token_expired        genuine, but over
//	token_not_yet_valid  genuine, but nbf is in the future
package token
