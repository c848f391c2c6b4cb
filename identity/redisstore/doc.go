// Package redisstore keeps identities and sessions in Redis.
//
// Everything of one identity lies in one slot of a cluster, so what changes an
// identity is one script. Only its creation, and adding a provider to it, concern
// several slots, since the unique index of an address cannot lie with the
// identity. Creation works without a lock:
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
// A provider is added in the same way: a note in the record, the index key, and a
// commit that puts the entry in the place of the note. Each attempt has a claim of
// its own, which stays with the entry, so that an index key of an entry that was
// removed is never taken for that of the same one added again. Who reads the
// identity settles its notes, but is not held up by one that cannot be settled.
//
// A reply that did not come is CodeUnavailable, never an answer.
package redisstore
