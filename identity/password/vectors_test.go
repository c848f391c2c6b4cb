package password_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
)

// vectors are hashes that other implementations made.
var vectors = []struct {
	name, password, stored string
}{
	{
		"medusa v2", "correct horse battery staple",
		"c2NyeXB0AA8AAAAIAAAAAatCTuegVcYYUB+SQmhW0G+i55ACQxwSILdJWYaufBgcGdp5iZSlHKLzZasmZEpEogU2AtD5E9a2YR+1rS7SamOBQOpwVmRBzjgOQrtN2su+",
	},
	{
		"medusa v2 NFC", "p\u00e4ssw\u00f6rd\U0001F600",
		"c2NyeXB0AA8AAAAIAAAAAYzxBWfhg1AgZcp3tiEnwwe7ENRw32KvgNhxktZcrX3l349NhGtWU9NUnCONTOLHGYXKCUt+E7LKCcc111MZ7L3/ZQLbtfkhBRBkyctZxnel",
	},
	{
		"medusa v2 NFD", "pa\u0308ss",
		"c2NyeXB0AA8AAAAIAAAAASvbargWlAlOiPZqMLHX/VL9IZPpbn9oRdYL1884nwxervUNmoQAFjhHF7Z/FCkPgqrFAkstKD0TxAkibNvQkg62XHT91QsVBy9JIFb7eeKO",
	},
	{
		"medusa v2 admin", "adminpass",
		"c2NyeXB0AA8AAAAIAAAAAWyXjkgtTf0sW6gAS9uINs6flpPGamgt2NkGSvCJZE68wrq1pKlfb7EYhrHFLvtfexE1nEMHWx5fJ8tcFhqTNDiuvXLcBu3Ep/znTzqSDnYC",
	},
	{
		"medusa v1", "Passw0rd!",
		"c2NyeXB0AAEAAAABAAAAASdmTjT7tlEOLzp4Ad5kqtopmV7FV2Iz8LVJxNKxkRi0haiTtz9B+RaAngBid2f44QYFLXPETF9y3/LtgRJF7RNPQ7hs29KudVaCq3ZwOMSn",
	},
	{ // Python's hashlib, as are the next
		"scrypt logN 14 r 8 p 2", "Passw0rd!",
		"c2NyeXB0AA4AAAAIAAAAAgABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fyh1YzYSpX8KsXni8zaCyv112Qm6GLMWoxSaXANSfuoBEWT0IiPvxcGfMpr4TSezy",
	},
	{
		"scrypt logN 10 r 16 p 3, spaces", "  pa\u00dfwort  ",
		"c2NyeXB0AAoAAAAQAAAAAyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/l3aLfoI1jqHaZMNvRK3Aj5NXvOdTL1dMHvI2UljI4G+7yUxew3CiW4ROiPy0IOpm",
	},
	{ // test.c of the argon2 reference implementation, as are the next
		"argon2id m 64 MiB", "password",
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
	},
	{
		"argon2id m 256 KiB", "password",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	},
	{
		"argon2id p 2", "password",
		"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	},
	{ // crypt_blowfish
		"bcrypt 2a", "U*U",
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
	},
	{ // libxcrypt
		"bcrypt 2b", "correct horse",
		"$2b$06$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC",
	},
	{
		"bcrypt 2y", "correct horse",
		"$2y$06$abcdefghijklmnopqrstuud/5IuQmqhVO0kfNEbHJM.fJkPiliBzC",
	},
	{ // of the same salt bytes: old generators left stray bits in the last character
		"bcrypt stray bits of the salt", "correct horse",
		"$2b$06$abcdefghijklmnopqrstuvd/5IuQmqhVO0kfNEbHJM.fJkPiliBzC",
	},
	{ // crypt_blowfish
		"bcrypt 72 bytes", bcrypt72,
		stored72,
	},
}

const (
	bcrypt72 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	stored72 = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
)

// vector is the stored hash of that vector.
func vector(name string) string {
	for _, v := range vectors {
		if v.name == name {
			return v.stored
		}
	}
	panic("no vector " + name)
}

func TestVerifyVectors(t *testing.T) {
	t.Parallel()
	h := newHasher(t, fastArgon2)
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			if !verify(t, h, v.stored, v.password) {
				t.Error("the password does not match")
			}
			if other := v.password[:len(v.password)-1]; utf8.ValidString(other) && verify(t, h, v.stored, other) {
				t.Errorf("%q matches", other)
			}
		})
	}
}

// Each implementation of bcrypt drops what is after 72 bytes; here that would
// let a password in that is not the one.
func TestBcryptDoesNotTruncate(t *testing.T) {
	t.Parallel()
	h := newHasher(t, fastArgon2)
	for _, c := range []struct {
		name, password string
		want           bool
	}{
		{"71 bytes", bcrypt72[:71], false},
		{"72 bytes", bcrypt72, true},
		{"73 bytes", bcrypt72 + "c", false},
		{"the vector's own 106 bytes", bcrypt72 + "chars after 72 are ignored", false},
	} {
		if got := verify(t, h, stored72, c.password); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestVerifyChangedHash(t *testing.T) {
	t.Parallel()
	h := newHasher(t, fastArgon2)
	for _, c := range []struct{ name, password, stored, old, new string }{
		{"argon2id tag", "password", vector("argon2id m 256 KiB"), "Gi/4", "Gi/8"},
		{"argon2id salt", "password", vector("argon2id m 256 KiB"), "c29tZXNhbHQ", "c29tZXNhbHU"},
		{"argon2id passes", "password", vector("argon2id m 256 KiB"), "t=2", "t=3"},
		{"scrypt MAC", "Passw0rd!", vector("medusa v1"), "OMSn", "OMSo"},
		{"bcrypt hash", "U*U", vector("bcrypt 2a"), "OeW", "Oea"},
		{"bcrypt cost", "U*U", vector("bcrypt 2a"), "$05$", "$04$"},
	} {
		if !verify(t, h, c.stored, c.password) {
			t.Fatalf("%s: the unchanged hash does not match", c.name)
		}
		changed := strings.Replace(c.stored, c.old, c.new, 1)
		if changed == c.stored {
			t.Fatalf("%s: nothing was changed", c.name)
		}
		if verify(t, h, changed, c.password) {
			t.Errorf("%s: the changed hash matches", c.name)
		}
	}
}

// fastArgon2 and fastScrypt are the least that the formats allow.
var (
	fastArgon2 = password.Config{Argon2Memory: 8, Argon2Time: 1}
	fastScrypt = password.Config{Format: password.Scrypt, ScryptLogN: 1, ScryptR: 1}
)

func newHasher(tb testing.TB, cfg password.Config) *password.Hasher {
	tb.Helper()
	h, err := password.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

func verify(t *testing.T, h *password.Hasher, stored, given string) bool {
	t.Helper()
	match, err := h.Verify(t.Context(), identity.NewSecret(stored), given)
	if err != nil {
		t.Fatal(err)
	}
	return match
}
