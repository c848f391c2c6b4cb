package password

import (
	"errors"
	"fmt"
	"strings"
)

// Format names a format in which new hashes are written.
type Format string

// The formats of new hashes.
const (
	// Argon2id is the PHC string form of argon2id, version 19 (RFC 9106).
	Argon2id Format = "argon2id"
	// Scrypt is the base64 of a tarsnap scrypt file header, as Medusa v1 and v2
	// write and verify it (reference medusa-v2, section 11).
	Scrypt Format = "scrypt"
)

// Stored hashes that cannot be verified. What wraps them names the format and
// at most a parameter, never the hash.
var (
	// ErrUnknownFormat: the hash is empty, of no format known here, or of a
	// version of one that is not supported.
	ErrUnknownFormat = errors.New("unknown password hash format")
	// ErrCorrupt: the format is known and the hash breaks its rules.
	ErrCorrupt = errors.New("corrupt password hash")
	// ErrOutOfBounds: the hash asks for more work or memory than is allowed, or
	// has a parameter that the format forbids.
	ErrOutOfBounds = errors.New("password hash parameter out of bounds")
)

// hash is a stored hash, parsed and within bounds.
type hash interface {
	// matches derives from the password and compares in constant time.
	matches(password []byte) (bool, error)
	// work is what matches costs, in units of maxWork.
	work() uint64
	// settings are format and parameters in one comparable text.
	settings() string
}

var parsers = [...]struct {
	prefix string
	name   string
	parse  func(stored string) (hash, error)
}{
	{argon2Prefix, "argon2id", parseArgon2},
	{scryptPrefix, "scrypt", parseScrypt},
	{"$2a$", "bcrypt", parseBcrypt},
	{"$2b$", "bcrypt", parseBcrypt},
	{"$2y$", "bcrypt", parseBcrypt}, // $2x$ marks hashes of a broken implementation
}

// parse reads a stored hash. It derives nothing and allocates no more than a
// small multiple of maxStored.
func parse(stored string) (hash, error) {
	for _, p := range parsers {
		if !strings.HasPrefix(stored, p.prefix) {
			continue
		}
		if len(stored) > maxStored {
			return nil, fmt.Errorf("parsing %s hash: %w: length", p.name, ErrCorrupt)
		}
		parsed, err := p.parse(stored)
		if err != nil {
			return nil, fmt.Errorf("parsing %s hash: %w", p.name, err)
		}
		return parsed, nil
	}
	return nil, ErrUnknownFormat
}
