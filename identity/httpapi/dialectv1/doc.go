// Package dialectv1 answers the authentication routes of Medusa v1: those below
// /store/auth and /admin/auth, registration and the password resets. What they do
// is the work of identity.Service, for the same identities and sessions as in the
// newer dialect; this package knows the wire.
//
// Statuses, bodies and headers are those of Medusa 1.20 (reference medusa-v1,
// sections 2 to 6), except that
//
//   - errors of the body parser and unknown routes are answered by JSON, with
//     CORS headers, and a body that is compressed or not UTF-8 is refused;
//   - every login has a new session id, and the one that the browser brought is
//     dead afterwards; a log-out clears the cookie;
//   - there are no sessions of nobody, so anonymous answers set no cookie;
//   - a reset token that is good for nothing is 401, never 500;
//   - a new account needs a password;
//   - only HS256 tokens that expire are accepted;
//   - how often somebody may ask whether an address has an account is limited;
//   - a request that a session authenticates, or that starts one, is refused (403)
//     when a page of a foreign origin sent it;
//   - no answer but those without credentials may be stored, and none has an ETag;
//   - what cannot be known now is 503 with Retry-After.
package dialectv1
