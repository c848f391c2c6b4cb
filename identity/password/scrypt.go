package password

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/scrypt"
)

// Layout of a scrypt-kdf hash, 96 bytes, the header of a file that tarsnap's
// scrypt writes (reference medusa-v2, section 11).
const (
	scryptMagic    = "scrypt" // 0..5
	scryptVersion  = 6        // one byte, 0
	scryptLogN     = 7        // one byte
	scryptR        = 8        // uint32, big endian
	scryptP        = 12       // uint32, big endian
	scryptSaltAt   = 16
	scryptSumAt    = 48 // first 16 bytes of the SHA-256 of what is before
	scryptMACAt    = 64 // HMAC-SHA256 of what is before
	scryptSize     = 96
	scryptSaltSize = scryptSumAt - scryptSaltAt
	scryptKeySize  = 64 // the second half is the key of the HMAC
)

// scryptPrefix is the base64 of scryptMagic.
const scryptPrefix = "c2NyeXB0"

// scryptParams are the parameters of a scrypt-kdf hash.
type scryptParams struct {
	logN uint8
	r, p uint32
}

func (s scryptParams) check() error {
	if err := cmp.Or(
		within("logN", uint64(s.logN), 1, scryptMaxLogN),
		within("r", uint64(s.r), 1, scryptMaxR),
		within("p", uint64(s.p), 1, scryptMaxP),
	); err != nil {
		return err // the products below could overflow
	}
	return cmp.Or(
		// RFC 7914, section 2: N is less than 2^(128*r/8).
		within("logN", uint64(s.logN), 1, 16*uint64(s.r)-1),
		// With scryptWork as it is maxWork says this as well; not if it is raised.
		within("128*N*r", s.bytes(), 0, maxMemory<<10),
		within("128*N*r*p", s.work(), 0, maxWork),
	)
}

// bytes is the memory that is filled.
func (s scryptParams) bytes() uint64 { return 128 * uint64(s.r) << s.logN }

func (s scryptParams) work() uint64 { return s.bytes() * uint64(s.p) * scryptWork >> 10 }

func (s scryptParams) settings() string {
	return fmt.Sprintf("scrypt logN=%d r=%d p=%d", s.logN, s.r, s.p)
}

// seal returns the header with its checksum: the hash without its HMAC.
func (s scryptParams) seal(salt []byte) []byte {
	header := make([]byte, 0, scryptSize)
	header = append(header, scryptMagic...)
	header = append(header, 0, s.logN)
	header = binary.BigEndian.AppendUint32(header, s.r)
	header = binary.BigEndian.AppendUint32(header, s.p)
	header = append(header, salt...)
	sum := sha256.Sum256(header)
	return append(header, sum[:scryptMACAt-scryptSumAt]...)
}

// hash writes the hash of a password as package scrypt-kdf and Medusa do.
func (s scryptParams) hash(password, salt []byte) (string, error) {
	header := s.seal(salt)
	mac, err := s.mac(password, header)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(append(header, mac...)), nil
}

func (s scryptParams) mac(password, header []byte) ([]byte, error) {
	salt := header[scryptSaltAt:scryptSumAt]
	key, err := scrypt.Key(password, salt, 1<<s.logN, int(s.r), int(s.p), scryptKeySize)
	if err != nil {
		return nil, fmt.Errorf("deriving scrypt key: %w", err)
	}
	mac := hmac.New(sha256.New, key[scryptKeySize/2:])
	mac.Write(header)
	return mac.Sum(nil), nil
}

type scryptHash struct {
	scryptParams
	header []byte // up to scryptMACAt
	tag    []byte // the HMAC
}

func (s scryptHash) matches(password []byte) (bool, error) {
	mac, err := s.mac(password, s.header)
	if err != nil {
		return false, err
	}
	return hmac.Equal(mac, s.tag), nil
}

// parseScrypt reads the base64 of 96 bytes, a length at which the padded and
// the unpadded form are the same.
func parseScrypt(stored string) (hash, error) {
	data, err := decodeBase64(base64.StdEncoding, stored)
	if err != nil {
		return nil, fmt.Errorf("%w: base64", err)
	}
	if len(data) != scryptSize {
		return nil, fmt.Errorf("%w: length", ErrCorrupt)
	}
	if data[scryptVersion] != 0 {
		return nil, fmt.Errorf("%w: version", ErrUnknownFormat)
	}
	sum := sha256.Sum256(data[:scryptSumAt])
	if subtle.ConstantTimeCompare(sum[:scryptMACAt-scryptSumAt], data[scryptSumAt:scryptMACAt]) != 1 {
		return nil, fmt.Errorf("%w: checksum", ErrCorrupt)
	}
	params := scryptParams{
		logN: data[scryptLogN],
		r:    binary.BigEndian.Uint32(data[scryptR:]),
		p:    binary.BigEndian.Uint32(data[scryptP:]),
	}
	if err := params.check(); err != nil {
		return nil, err
	}
	return scryptHash{params, data[:scryptMACAt], data[scryptMACAt:]}, nil
}
