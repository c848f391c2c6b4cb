// Package redisstore keeps identities and sessions in Redis.
//
// Everything of one identity lies in one slot of a cluster, so what changes an
// identity is one script. Only its creation concerns several slots, since the
// unique index of an address cannot lie with the identity. It works without a
// lock:
//
//  1. The record is written with the mark `pending` and a time to live.
//  2. Each address is claimed: SET NX of the index key.
//  3. The mark and the time to live are taken off (commit).
//
// The record alone says whether the identity exists. Whoever meets a pending
// one, a reader or another registration, does the remaining steps himself, so a
// process that died at any step holds nobody up. The value of an index key names
// the identity and the attempt that created it; an attempt whose record is gone
// never comes back, so an index key that names one may be deleted by whoever
// meets it.
//
// A reply that did not come is CodeUnavailable, never an answer.
package redisstore
