// Package session keeps people logged in by cookie, in the format of
// express-session, which Medusa uses: a signed session id in the cookie, a JSON
// record under that id in the store (reference medusa-v2, section 6).
//
// It differs from Medusa where Medusa is weak. The id is new at every login and
// the old one is dead before the login is acknowledged. A session that was
// logged out is never written back. One browser may be logged in as several
// actor types at once; each login replaces its own context alone.
//
// A session has limits of its own: its time to live and, if set, its maximum
// age. The `exp` of the claims that it was made from is not looked at, as in
// Medusa: a cookie of ten hours made from a token of one hour lasts ten hours.
// Revocation goes by the `iat` of the claims and is the caller's business.
package session
