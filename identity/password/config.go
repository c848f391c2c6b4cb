package password

import (
	"crypto/rand"
	"io"
)

// Config says how new hashes are made and how many at once. The zero value is
// good: argon2id with OWASP's parameters. The bounds of stored hashes hold for
// the parameters too.
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

	// Pool is where the hashes are computed. Hashers that share one compute no
	// more at once than it allows. Default: one of its own.
	Pool *Pool

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
