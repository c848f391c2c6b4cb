// Package password turns passwords into self-describing hashes and verifies
// them, never more at once than the machine can bear.
//
// New hashes are argon2id in PHC string form or scrypt in the form of Medusa
// (package scrypt-kdf). Those two and bcrypt are verified. The parameters are
// read from the stored hash, and bounds.go limits them before anything is
// allocated or derived from them.
//
// A [Pool] bounds the work: so many hashes are computed at once, a short queue
// waits, and whoever comes then is refused at once with
// [identity.CodeUnavailable].
//
// # Unicode
//
// A new hash is of the NFC form of the password. A verification tries the NFC
// form and then, where they differ, the bytes as given, because other systems
// hash what they are sent. Both tries take one place in the pool.
//
// # What the time tells
//
// An account that does not exist ([Hasher.VerifyNone]), one whose hash cannot
// be read and one whose hash is cheaper than new ones are (Medusa v1 writes
// scrypt with N=2) all cost at least what a new hash costs. A hash dearer than
// new ones takes longer until it is rehashed after its first login; a shop that
// imports from Medusa v2 and minds that keeps [Scrypt] until the import is done.
package password
