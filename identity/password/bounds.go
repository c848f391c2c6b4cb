package password

import "fmt"

// Bounds of stored parameters. They hold for imported hashes and for the
// configuration alike, so a hash that was written can be verified, and they are
// applied before anything is allocated or derived.
//
// Two of them limit what one verification can cost whatever the format:
// maxMemory and maxWork. The others keep single parameters in the range that is
// in use, so that the products cannot overflow.
const (
	// maxStored is the length of a stored hash in bytes. The longest that is
	// valid is argon2id with the largest salt and tag, about 220.
	maxStored = 256

	// maxMemory is the memory of one hash in KiB: 256 MiB, as libsodium's
	// MODERATE preset of argon2id and scrypt N=2^18 r=8 need. OWASP recommends
	// at most 128 MiB (scrypt N=2^17 r=8).
	maxMemory = 256 << 10

	// maxWork is the work of one hash: about a second, so that even a queue of
	// such hashes moves on. The unit is one KiB of argon2id in one pass, about
	// 0.8 µs on a server core; the two factors below relate the other formats
	// to it. It allows argon2id m=256 MiB t=4, scrypt N=2^18 r=8 p=1 and
	// bcrypt cost 14.
	maxWork = 1 << 20
	// scryptWork is the work of one KiB of scrypt: written, then read at random.
	scryptWork = 4
	// bcryptWork is the work of one bcrypt round: two Blowfish key schedules.
	bcryptWork = 64

	// argon2MaxTime is the number of passes. RFC 9106 recommends 1 and 3, OWASP
	// up to 5, older presets up to 20.
	argon2MaxTime = 32
	// argon2MaxThreads is the number of lanes; each runs as a goroutine of its
	// own. Defaults in use are 1, 4 and 8.
	argon2MaxThreads = 16
	// argon2MinBlocks is the memory in KiB per lane that RFC 9106, section 3.1,
	// requires.
	argon2MinBlocks = 8
	// RFC 9106, section 3.1, wants 8 bytes of salt; 64 is the most that the
	// PHC string format allows.
	argon2MinSalt, argon2MaxSalt = 8, 64
	// A tag under 16 bytes could be met by chance; 64 is the most that the
	// PHC string format allows.
	argon2MinTag, argon2MaxTag = 16, 64

	// scryptMaxLogN is the exponent of N; with r=2, the least r that
	// RFC 7914, section 2, allows there, it takes maxMemory.
	scryptMaxLogN = 20
	// scryptMaxR is the block size; 8 is what everybody uses.
	scryptMaxR = 32
	// scryptMaxP is the parallelism; OWASP recommends up to 10.
	scryptMaxP = 16

	// bcryptMinCost is the least cost that bcrypt defines.
	bcryptMinCost = 4
	// bcryptMaxCost is the cost that takes maxWork; Caddy's own default is 14.
	bcryptMaxCost = 14
	// bcryptMaxBytes is how much of a password bcrypt uses.
	bcryptMaxBytes = 72

	// maxWorkers is the number of hashes at once, each with the memory it takes.
	maxWorkers = 1024
	// maxQueue is the number of callers that wait, each with its connection.
	maxQueue = queuePerWorker * maxWorkers
)

// within refuses a parameter that is not between its bounds.
func within(name string, value, least, most uint64) error {
	if value < least || value > most {
		return fmt.Errorf("%w: %s=%d", ErrOutOfBounds, name, value)
	}
	return nil
}
