// Package httpapi answers Medusa v2's authentication routes: register, login,
// callback, refresh, cookie sessions and password reset, below one prefix. What
// they do is the work of identity.Service; this package knows the wire.
//
// Statuses, bodies and headers are those of Medusa 2.21 (reference medusa-v2,
// sections 1 to 6 and 9), except that
//
//   - unknown paths and methods are answered by JSON, not by an HTML page that
//     repeats the path, and a malformed path is 404, not 500;
//   - errors of the body parser carry CORS headers, so that a browser's script
//     can read them;
//   - only UTF-8 without content encoding is read as a body, and bytes that are
//     not UTF-8 are refused instead of replaced;
//   - the origin `null` is never allowed, whatever the regular expressions say;
//   - every session is new: the id that the browser brought is dead afterwards;
//   - a request that a session authenticates is refused (403) when a page of a
//     foreign origin sent it;
//   - what depends on a credential is `Cache-Control: private, no-store`, and only
//     the list of providers has an ETag;
//   - a store that cannot be asked is 503 with Retry-After;
//   - who goes to a third party is told a cookie, and has to bring it back;
//   - people may link accounts of third parties to themselves, and remove them:
//     `{"link": true}` in the body of a login, and DELETE of its path.
//
// The routes of multi-factor authentication, verification by e-mail and user
// creation by a provider belong to a backend: without one they are 404.
package httpapi
