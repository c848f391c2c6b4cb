package password

import (
	"crypto/rand"
	"io"
	"runtime"
)

// Config says how new hashes are made and how many at once. The zero value is
// good: argon2id with OWASP's parameters, as many hashes at once as there are
// cores, less one. The bounds of stored
// hashes hold for the parameters too.
type Config struct {
	// Format of new hashes. Default: Argon2id.
	Format Format

	// Memory of argon2id in KiB. Default: 19456 (19 MiB).
	Argon2Memory uint32
	// Passes of argon2id. Default: 2.
	Argon2Time uint32
	// Lanes of argon2id. Default: 1.
	Argon2Threads uint8

	// Exponent of scrypt's N. Default: 15, as Medusa v2 has it.
	ScryptLogN uint8
	// Block size of scrypt. Default: 8.
	ScryptR uint32
	// Parallelism of scrypt. Default: 1.
	ScryptP uint32

	// How many hashes are computed at once. Default: GOMAXPROCS less one, at
	// least 1, so that other requests keep a core.
	Workers int
	// How many callers may wait for that; no wait is longer than two seconds.
	// Default: 16 per worker.
	Queue int

	// Source of salts. Default: crypto/rand.Reader.
	Random io.Reader
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	c.Format = nonZero(c.Format, Argon2id)
	c.Argon2Memory = nonZero(c.Argon2Memory, 19456)
	c.Argon2Time = nonZero(c.Argon2Time, 2)
	c.Argon2Threads = nonZero(c.Argon2Threads, 1)
	c.ScryptLogN = nonZero(c.ScryptLogN, 15)
	c.ScryptR = nonZero(c.ScryptR, 8)
	c.ScryptP = nonZero(c.ScryptP, 1)
	c.Workers = nonZero(c.Workers, max(1, runtime.GOMAXPROCS(0)-1))
	c.Queue = nonZero(c.Queue, queuePerWorker*c.Workers)
	if c.Random == nil {
		c.Random = rand.Reader
	}
	return c
}

func nonZero[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
