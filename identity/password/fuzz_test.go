package password

import (
	"crypto/sha256"
	"encoding/base64"
	"testing"
)

// FuzzParse: what is parsed is within the bounds on which memory and time rest.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "$argon2id$", "c2NyeXB0", "$2b$", "$argon2id$v=19$m=8,t=1,p=1$$",
		"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=4194304,t=4294967295,p=255$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"c2NyeXB0AAEAAAABAAAAASdmTjT7tlEOLzp4Ad5kqtopmV7FV2Iz8LVJxNKxkRi0haiTtz9B+RaAngBid2f44QYFLXPETF9y3/LtgRJF7RNPQ7hs29KudVaCq3ZwOMSn",
		"c2NyeXB0AA8AAAAIAAAAAatCTuegVcYYUB+SQmhW0G+i55ACQxwSILdJWYaufBgcGdp5iZSlHKLzZasmZEpEogU2AtD5E9a2YR+1rS7SamOBQOpwVmRBzjgOQrtN2su+",
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2y$31$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stored string) {
		checkParsed(t, stored)
		// With a checksum that fits, the fuzzer gets to the parameters.
		if data, err := base64.StdEncoding.DecodeString(stored); err == nil && len(data) == scryptSize {
			sum := sha256.Sum256(data[:scryptSumAt])
			copy(data[scryptSumAt:scryptMACAt], sum[:])
			checkParsed(t, base64.StdEncoding.EncodeToString(data))
		}
	})
}

func checkParsed(t *testing.T, stored string) {
	parsed, err := parse(stored)
	if err != nil {
		if parsed != nil {
			t.Errorf("a hash beside the error %v", err)
		}
		return
	}
	var memory uint64 // KiB
	switch h := parsed.(type) {
	case argon2Hash:
		memory = uint64(h.m)
		if h.t < 1 || h.p < 1 || len(h.salt) < argon2MinSalt || len(h.tag) < argon2MinTag {
			t.Errorf("%s is taken", parsed.settings())
		}
	case scryptHash:
		memory = h.bytes() >> 10
		if h.logN < 1 || h.r < 1 || h.p < 1 || len(h.header) != scryptMACAt || len(h.tag) != sha256.Size {
			t.Errorf("%s is taken", parsed.settings())
		}
	case bcryptHash:
		if h.cost < bcryptMinCost || len(h.stored) != bcryptSize {
			t.Errorf("%s is taken", parsed.settings())
		}
	}
	if memory > maxMemory || parsed.work() > maxWork {
		t.Errorf("%s is taken: %d KiB, work %d", parsed.settings(), memory, parsed.work())
	}
	if memory > 1<<10 || parsed.work() > 1<<12 {
		return // well formed, too slow for fuzzing
	}
	if _, err := parsed.matches([]byte("password")); err != nil {
		t.Errorf("%s cannot be verified: %v", parsed.settings(), err)
	}
}
