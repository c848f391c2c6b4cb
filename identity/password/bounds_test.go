package password_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
)

// scryptStored is a scrypt-kdf hash with a right checksum and a MAC of zeros.
func scryptStored(version, logN byte, r, p uint32) string {
	data := append([]byte("scrypt"), version, logN)
	data = binary.BigEndian.AppendUint32(data, r)
	data = binary.BigEndian.AppendUint32(data, p)
	data = append(data, make([]byte, 32)...)
	sum := sha256.Sum256(data)
	data = append(data, sum[:16]...)
	return base64.StdEncoding.EncodeToString(append(data, make([]byte, 32)...))
}

func argon2Stored(params string) string {
	return "$argon2id$v=19$" + params + "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
}

func argon2Sized(salt, tag int) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s",
		b64.EncodeToString(make([]byte, salt)), b64.EncodeToString(make([]byte, tag)))
}

func bcryptStored(start string) string {
	return start + "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
}

var storedHashes = []struct {
	name, stored string
	want         error // nil: can be verified
}{
	{"argon2 largest memory", argon2Stored("m=262144,t=4,p=1"), nil},
	{"argon2 memory over the bound", argon2Stored("m=262145,t=1,p=1"), password.ErrOutOfBounds},
	{"argon2 4 GiB", argon2Stored("m=4194304,t=1,p=1"), password.ErrOutOfBounds},
	{"argon2 largest uint32", argon2Stored("m=4294967295,t=1,p=1"), password.ErrOutOfBounds},
	{"argon2 memory over uint32", argon2Stored("m=4294967296,t=1,p=1"), password.ErrOutOfBounds},
	{"argon2 memory over uint64", argon2Stored("m=99999999999999999999999,t=1,p=1"), password.ErrOutOfBounds},
	{"argon2 least memory", argon2Stored("m=8,t=1,p=1"), nil},
	{"argon2 little memory", argon2Stored("m=7,t=1,p=1"), password.ErrOutOfBounds},
	{"argon2 little memory per lane", argon2Stored("m=31,t=1,p=4"), password.ErrOutOfBounds},
	{"argon2 no memory", argon2Stored("m=0,t=1,p=1"), password.ErrOutOfBounds},
	{"argon2 negative memory", argon2Stored("m=-1,t=1,p=1"), password.ErrCorrupt},
	{"argon2 most passes", argon2Stored("m=8,t=32,p=1"), nil},
	{"argon2 many passes", argon2Stored("m=8,t=33,p=1"), password.ErrOutOfBounds},
	{"argon2 huge t", argon2Stored("m=8,t=4294967295,p=1"), password.ErrOutOfBounds},
	{"argon2 no passes", argon2Stored("m=8,t=0,p=1"), password.ErrOutOfBounds},
	{"argon2 too much work", argon2Stored("m=262144,t=5,p=1"), password.ErrOutOfBounds},
	{"argon2 most lanes", argon2Stored("m=1024,t=1,p=16"), nil},
	{"argon2 many lanes", argon2Stored("m=1024,t=1,p=17"), password.ErrOutOfBounds},
	{"argon2 huge p", argon2Stored("m=1024,t=1,p=4294967295"), password.ErrOutOfBounds},
	{"argon2 p that is 1 in 8 bits", argon2Stored("m=1024,t=1,p=257"), password.ErrOutOfBounds},
	{"argon2 no lanes", argon2Stored("m=8,t=1,p=0"), password.ErrOutOfBounds},
	{"argon2 short salt", argon2Sized(7, 32), password.ErrOutOfBounds},
	{"argon2 shortest", argon2Sized(8, 16), nil},
	{"argon2 longest", argon2Sized(64, 64), nil},
	{"argon2 long salt", argon2Sized(65, 32), password.ErrOutOfBounds},
	{"argon2 short tag", argon2Sized(16, 15), password.ErrOutOfBounds},
	{"argon2 no tag", argon2Sized(16, 0), password.ErrOutOfBounds},
	{"argon2 long tag", argon2Sized(16, 65), password.ErrOutOfBounds},

	{"scrypt largest memory", scryptStored(0, 18, 8, 1), nil},
	{"scrypt memory over the bound", scryptStored(0, 18, 9, 1), password.ErrOutOfBounds},
	{"scrypt N=2^30", scryptStored(0, 30, 8, 1), password.ErrOutOfBounds},
	{"scrypt N=2^255", scryptStored(0, 255, 8, 1), password.ErrOutOfBounds},
	{"scrypt N=2^21 r=1", scryptStored(0, 21, 2, 1), password.ErrOutOfBounds},
	{"scrypt N=1", scryptStored(0, 0, 8, 1), password.ErrOutOfBounds},
	{"scrypt largest N of r=1", scryptStored(0, 15, 1, 1), nil},
	{"scrypt N=2^16 r=1", scryptStored(0, 16, 1, 1), password.ErrOutOfBounds},
	{"scrypt largest r", scryptStored(0, 10, 32, 1), nil},
	{"scrypt large r", scryptStored(0, 1, 33, 1), password.ErrOutOfBounds},
	{"scrypt huge r", scryptStored(0, 1, math.MaxUint32, 1), password.ErrOutOfBounds},
	{"scrypt r=0", scryptStored(0, 15, 0, 1), password.ErrOutOfBounds},
	{"scrypt largest p", scryptStored(0, 10, 8, 16), nil},
	{"scrypt large p", scryptStored(0, 1, 1, 17), password.ErrOutOfBounds},
	{"scrypt huge p", scryptStored(0, 1, 1, math.MaxUint32), password.ErrOutOfBounds},
	{"scrypt p=0", scryptStored(0, 15, 8, 0), password.ErrOutOfBounds},
	{"scrypt r*p overflows", scryptStored(0, 15, 1<<16, 1<<16), password.ErrOutOfBounds},
	{"scrypt r and p negative as int32", scryptStored(0, 15, 0xfffffff8, 0xffffffff), password.ErrOutOfBounds},
	{"scrypt too much work", scryptStored(0, 17, 8, 3), password.ErrOutOfBounds},
	{"scrypt most work", scryptStored(0, 17, 8, 2), nil},

	{"bcrypt least cost", bcryptStored("$2b$04$"), nil},
	{"bcrypt cost 3", bcryptStored("$2b$03$"), password.ErrOutOfBounds},
	{"bcrypt largest cost", bcryptStored("$2b$14$"), nil},
	{"bcrypt cost 15", bcryptStored("$2b$15$"), password.ErrOutOfBounds},
	{"bcrypt cost 31", bcryptStored("$2b$31$"), password.ErrOutOfBounds},
	{"bcrypt cost 99", bcryptStored("$2b$99$"), password.ErrOutOfBounds},

	{"empty", "", password.ErrUnknownFormat},
	{"plain", "password", password.ErrUnknownFormat},
	{"md5", "5f4dcc3b5aa765d61d8327deb882cf99", password.ErrUnknownFormat},
	{"pbkdf2", "$pbkdf2-sha256$i=1000000000$c2FsdHNhbHQ$c2FsdHNhbHQ", password.ErrUnknownFormat},
	{"space in front", " " + argon2Stored("m=8,t=1,p=1"), password.ErrUnknownFormat},
	{"long garbage", strings.Repeat("x", 1<<20), password.ErrUnknownFormat},
	{"long argon2", "$argon2id$v=19$" + strings.Repeat("$", 1<<20), password.ErrCorrupt},
	{"long scrypt", "c2NyeXB0" + strings.Repeat("A", 1<<20), password.ErrCorrupt},

	{"argon2i", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", password.ErrUnknownFormat},
	{"argon2 version 16", strings.Replace(argon2Stored("m=8,t=1,p=1"), "v=19", "v=16", 1), password.ErrUnknownFormat},
	{"argon2 without a version", strings.Replace(argon2Stored("m=8,t=1,p=1"), "v=19$", "", 1), password.ErrUnknownFormat},
	{"argon2 prefix alone", "$argon2id$", password.ErrUnknownFormat},
	{"argon2 version alone", "$argon2id$v=19", password.ErrCorrupt},
	{"argon2 without a tag", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ", password.ErrCorrupt},
	{"argon2 with a field more", argon2Stored("m=8,t=1,p=1") + "$", password.ErrCorrupt},
	{"argon2 line break", argon2Stored("m=8,t=1,p=1") + "\n", password.ErrCorrupt},
	{"argon2 padded", argon2Stored("m=8,t=1,p=1") + "=", password.ErrCorrupt},
	{"argon2 stray bits", strings.Replace(argon2Stored("m=8,t=1,p=1"), "Gi/4", "Gi/5", 1), password.ErrCorrupt},
	{"argon2 URL alphabet", strings.Replace(argon2Stored("m=8,t=1,p=1"), "Gi/4", "Gi_4", 1), password.ErrCorrupt},
	{"argon2 salt not base64", strings.Replace(argon2Stored("m=8,t=1,p=1"), "c29t", "c2.t", 1), password.ErrCorrupt},
	{"argon2 other order", argon2Stored("t=1,m=8,p=1"), password.ErrCorrupt},
	{"argon2 without p", argon2Stored("m=8,t=1"), password.ErrCorrupt},
	{"argon2 with a key id", argon2Stored("m=8,t=1,p=1,keyid=Zm9v"), password.ErrCorrupt},
	{"argon2 leading zero", argon2Stored("m=08,t=1,p=1"), password.ErrCorrupt},
	{"argon2 plus", argon2Stored("m=+8,t=1,p=1"), password.ErrCorrupt},
	{"argon2 hexadecimal", argon2Stored("m=0x8,t=1,p=1"), password.ErrCorrupt},
	{"argon2 underscore", argon2Stored("m=1_024,t=1,p=1"), password.ErrCorrupt},
	{"argon2 no number", argon2Stored("m=,t=1,p=1"), password.ErrCorrupt},

	{"scrypt good", scryptStored(0, 1, 1, 1), nil},
	{"scrypt version 1", scryptStored(1, 15, 8, 1), password.ErrUnknownFormat},
	{"scrypt prefix alone", "c2NyeXB0", password.ErrCorrupt},
	{"scrypt cut", scryptStored(0, 15, 8, 1)[:124], password.ErrCorrupt},
	{"scrypt cut within a group", scryptStored(0, 15, 8, 1)[:127], password.ErrCorrupt},
	{"scrypt longer", scryptStored(0, 15, 8, 1) + "AAAA", password.ErrCorrupt},
	{"scrypt line break", scryptStored(0, 15, 8, 1) + "\n", password.ErrCorrupt},
	{"scrypt padded", scryptStored(0, 15, 8, 1) + "=", password.ErrCorrupt},
	{"scrypt checksum", strings.Replace(vector("medusa v1"), "haiTtz", "haiTuz", 1), password.ErrCorrupt},
	{"scrypt not base64", scryptStored(0, 15, 8, 1)[:127] + "!", password.ErrCorrupt},

	{"bcrypt 2x", bcryptStored("$2x$05$"), password.ErrUnknownFormat},
	{"bcrypt 2", bcryptStored("$2$05$"), password.ErrUnknownFormat},
	{"bcrypt 3", bcryptStored("$3a$05$"), password.ErrUnknownFormat},
	{"bcrypt prefix alone", "$2b$", password.ErrCorrupt},
	{"bcrypt cut", bcryptStored("$2b$05$")[:59], password.ErrCorrupt},
	{"bcrypt longer", bcryptStored("$2b$05$") + "A", password.ErrCorrupt},
	{"bcrypt negative cost", bcryptStored("$2b$-5$"), password.ErrCorrupt},
	{"bcrypt cost of one digit", bcryptStored("$2b$5$A"), password.ErrCorrupt},
	{"bcrypt cost without end", bcryptStored("$2b$05A"), password.ErrCorrupt},
	{"bcrypt not base64", strings.Replace(bcryptStored("$2b$05$"), "CCC", "C+C", 1), password.ErrCorrupt},
	{"bcrypt stray bits", bcryptStored("$2b$05$")[:59] + "X", password.ErrCorrupt},
}

func TestCheckHash(t *testing.T) {
	t.Parallel()
	for _, c := range storedHashes {
		t.Run(c.name, func(t *testing.T) {
			err := password.CheckHash(identity.NewSecret(c.stored))
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err != nil && len(c.stored) > 20 && strings.Contains(err.Error(), c.stored[len(c.stored)-10:]) {
				t.Errorf("error shows the hash: %v", err)
			}
		})
	}
}

// A hash that cannot be verified is neither a match nor an outage.
func TestVerifyUnreadable(t *testing.T) {
	t.Parallel()
	h := newHasher(t, fastArgon2)
	for _, c := range storedHashes {
		if c.want == nil {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			match, err := h.Verify(t.Context(), identity.NewSecret(c.stored), "password")
			if match || !errors.Is(err, c.want) || identity.CodeOf(err) == identity.CodeUnavailable {
				t.Errorf("got %v, %v, want %v", match, err, c.want)
			}
			if !h.NeedsRehash(identity.NewSecret(c.stored)) {
				t.Error("needs no rehash")
			}
		})
	}
}

// What the configuration allows must be possible to verify later.
func TestNewBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		cfg  password.Config
	}{
		{"memory", password.Config{Argon2Memory: 4 << 20}},
		{"little memory", password.Config{Argon2Memory: 7}},
		{"passes", password.Config{Argon2Memory: 8, Argon2Time: 33}},
		{"lanes", password.Config{Argon2Threads: 17}},
		{"work", password.Config{Argon2Memory: 1 << 18, Argon2Time: 5}},
		{"scrypt N", password.Config{Format: password.Scrypt, ScryptLogN: 30}},
		{"scrypt r", password.Config{Format: password.Scrypt, ScryptR: math.MaxUint32}},
		{"scrypt p", password.Config{Format: password.Scrypt, ScryptP: 17}},
	} {
		if _, err := password.New(c.cfg); !errors.Is(err, password.ErrOutOfBounds) {
			t.Errorf("%s: got %v, want %v", c.name, err, password.ErrOutOfBounds)
		}
	}
	for _, format := range []password.Format{"bcrypt", "Argon2id", "md5"} {
		if _, err := password.New(password.Config{Format: format}); !errors.Is(err, password.ErrUnknownFormat) {
			t.Errorf("%s: got %v, want %v", format, err, password.ErrUnknownFormat)
		}
	}
	for _, c := range []struct{ workers, queue int }{{-1, 0}, {math.MaxInt, 0}, {0, -1}, {0, math.MaxInt}} {
		if _, err := password.NewPool(c.workers, c.queue); err == nil {
			t.Errorf("%d workers and a queue of %d are taken", c.workers, c.queue)
		}
	}
}
