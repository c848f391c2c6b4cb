package password

import (
	"cmp"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

const (
	argon2Prefix = "$argon2id$"
	// What new hashes have; RFC 9106, section 4, recommends both.
	argon2Salt = 16
	argon2Tag  = 32
)

// argon2Params are the parameters of an argon2id hash, named as in its text.
type argon2Params struct {
	m uint32 // KiB
	t uint32 // passes
	p uint8  // lanes
}

func (a argon2Params) check() error {
	return cmp.Or(
		within("p", uint64(a.p), 1, argon2MaxThreads),
		within("t", uint64(a.t), 1, argon2MaxTime),
		within("m", uint64(a.m), argon2MinBlocks*uint64(a.p), maxMemory),
		within("m*t", a.work(), 0, maxWork),
	)
}

func (a argon2Params) work() uint64 { return uint64(a.m) * uint64(a.t) }

func (a argon2Params) settings() string {
	return fmt.Sprintf("%sv=%d$m=%d,t=%d,p=%d", argon2Prefix, argon2.Version, a.m, a.t, a.p)
}

// hash writes the hash of a password as the PHC string format does.
func (a argon2Params) hash(password, salt []byte) (string, error) {
	tag := argon2.IDKey(password, salt, a.t, a.m, a.p, argon2Tag)
	b64 := base64.RawStdEncoding
	return a.settings() + "$" + b64.EncodeToString(salt) + "$" + b64.EncodeToString(tag), nil
}

type argon2Hash struct {
	argon2Params
	salt, tag []byte
}

func (a argon2Hash) matches(password []byte) (bool, error) {
	tag := argon2.IDKey(password, a.salt, a.t, a.m, a.p, uint32(len(a.tag)))
	return subtle.ConstantTimeCompare(tag, a.tag) == 1, nil
}

// parseArgon2 reads `$argon2id$v=19$m=…,t=…,p=…$salt$tag`, each parameter once
// and in that order, as the PHC string format has them.
func parseArgon2(stored string) (hash, error) {
	version, rest, _ := strings.Cut(strings.TrimPrefix(stored, argon2Prefix), "$")
	if version != "v=19" { // version 16 leaves the field out
		return nil, fmt.Errorf("%w: version", ErrUnknownFormat)
	}
	fields := strings.Split(rest, "$")
	if len(fields) != 3 {
		return nil, fmt.Errorf("%w: number of fields", ErrCorrupt)
	}
	params, err := parseArgon2Params(fields[0])
	if err != nil {
		return nil, err
	}
	salt, err := decodeBase64(base64.RawStdEncoding, fields[1])
	if err != nil {
		return nil, fmt.Errorf("%w: salt", err)
	}
	tag, err := decodeBase64(base64.RawStdEncoding, fields[2])
	if err != nil {
		return nil, fmt.Errorf("%w: tag", err)
	}
	if err := cmp.Or(
		within("salt", uint64(len(salt)), argon2MinSalt, argon2MaxSalt),
		within("tag", uint64(len(tag)), argon2MinTag, argon2MaxTag),
	); err != nil {
		return nil, err
	}
	return argon2Hash{params, salt, tag}, nil
}

func parseArgon2Params(text string) (argon2Params, error) {
	var values [3]uint64
	fields := strings.Split(text, ",")
	if len(fields) != len(values) {
		return argon2Params{}, fmt.Errorf("%w: number of parameters", ErrCorrupt)
	}
	for i, name := range [...]string{"m", "t", "p"} {
		digits, ok := strings.CutPrefix(fields[i], name+"=")
		if !ok {
			return argon2Params{}, fmt.Errorf("%w: parameter %s", ErrCorrupt, name)
		}
		var err error
		if values[i], err = parseDecimal(digits); err != nil {
			return argon2Params{}, fmt.Errorf("%w: parameter %s", err, name)
		}
	}
	if err := within("p", values[2], 1, argon2MaxThreads); err != nil {
		return argon2Params{}, err // before it is narrowed to 8 bits
	}
	params := argon2Params{m: uint32(values[0]), t: uint32(values[1]), p: uint8(values[2])}
	return params, params.check()
}

// parseDecimal reads a number below 2^32 in its one canonical form.
func parseDecimal(digits string) (uint64, error) {
	value, err := strconv.ParseUint(digits, 10, 32)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, ErrOutOfBounds
	case err != nil, len(digits) > 1 && digits[0] == '0':
		return 0, ErrCorrupt
	}
	return value, nil
}

// decodeBase64 is the strict decoding that encoding/base64 lacks: no line
// breaks, no stray bits.
func decodeBase64(encoding *base64.Encoding, text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, ErrCorrupt
	}
	data, err := encoding.Strict().DecodeString(text)
	if err != nil {
		return nil, ErrCorrupt // err shows a byte of the hash
	}
	return data, nil
}
