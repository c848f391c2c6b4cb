package password_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
)

const (
	nfc = "p\u00e4ssw\u00f6rd"
	nfd = "pa\u0308sswo\u0308rd"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]password.Config{
		"argon2id": fastArgon2, "scrypt": fastScrypt,
		"argon2id with lanes": {Argon2Memory: 64, Argon2Time: 3, Argon2Threads: 4},
		"scrypt p 2":          {Format: password.Scrypt, ScryptLogN: 4, ScryptR: 2, ScryptP: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHasher(t, cfg)
			for _, given := range []string{"x", "  spaces  ", nfc, "\U0001F600", strings.Repeat("x", password.MaxBytes)} {
				stored := hash(t, h, given)
				if !verify(t, h, stored.Reveal(), given) {
					t.Errorf("%.20q does not match its hash", given)
				}
				for _, other := range []string{strings.ToUpper(given) + "y", strings.TrimSpace(given)} {
					if other != given && len(other) <= password.MaxBytes && verify(t, h, stored.Reveal(), other) {
						t.Errorf("%.20q matches the hash of %.20q", other, given)
					}
				}
				if h.NeedsRehash(stored) {
					t.Error("a new hash needs a rehash")
				}
				if again := hash(t, h, given); again == stored {
					t.Error("the salt is the same twice")
				}
			}
		})
	}
}

// The text that is written is part of the contract: Medusa reads the scrypt form.
func TestWrittenForm(t *testing.T) {
	t.Parallel()
	h := newHasher(t, password.Config{})
	stored := hash(t, h, "password")
	if text := stored.Reveal(); !strings.HasPrefix(text, "$argon2id$v=19$m=19456,t=2,p=1$") || len(text) != 97 {
		t.Errorf("argon2id: got %s", text)
	}
	if !verify(t, h, stored.Reveal(), "password") {
		t.Error("argon2id: no match")
	}
	h = newHasher(t, password.Config{Format: password.Scrypt})
	stored = hash(t, h, "password")
	if !verify(t, h, stored.Reveal(), "password") {
		t.Error("scrypt: no match")
	}
	data, err := base64.StdEncoding.DecodeString(stored.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if len(data) != 96 || string(data[:16]) != "scrypt\x00\x0f\x00\x00\x00\x08\x00\x00\x00\x01" {
		t.Errorf("scrypt: got %x", data)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", stored, stored, stored, stored); strings.Contains(shown, "c2NyeXB0") {
		t.Errorf("a hash prints as %s", shown)
	}
}

func TestUnicodeForms(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]password.Config{"argon2id": fastArgon2, "scrypt": fastScrypt} {
		h := newHasher(t, cfg)
		for _, set := range []string{nfc, nfd} {
			stored := hash(t, h, set).Reveal()
			for _, typed := range []string{nfc, nfd} {
				if !verify(t, h, stored, typed) {
					t.Errorf("%s: set as %+q, typed as %+q: no match", name, set, typed)
				}
			}
			if verify(t, h, stored, "passwort") {
				t.Errorf("%s: without the marks: match", name)
			}
		}
		// Compatibility forms are other characters, and so other passwords.
		if verify(t, h, hash(t, h, "\ufb01").Reveal(), "fi") {
			t.Errorf("%s: the ligature matches its letters", name)
		}
	}
}

// Imported hashes are of the bytes as they were typed there.
func TestUnicodeImported(t *testing.T) {
	t.Parallel()
	h := newHasher(t, fastArgon2)
	stored := vector("medusa v2 NFD")
	if !verify(t, h, stored, "pa\u0308ss") {
		t.Error("the bytes as they were typed do not match")
	}
	if verify(t, h, stored, "p\u00e4ss") {
		t.Error("a hash of the NFD form matches the NFC form")
	}
	stored = vector("medusa v2 NFC")
	if !verify(t, h, stored, "pa\u0308sswo\u0308rd\U0001F600") {
		t.Error("the NFD form does not match a hash of the NFC form")
	}
}

func TestNeedsRehash(t *testing.T) {
	t.Parallel()
	argon := newHasher(t, password.Config{Argon2Memory: 256, Argon2Time: 2})
	v1 := newHasher(t, fastScrypt)
	for _, c := range []struct {
		name   string
		hasher *password.Hasher
		stored string
		want   bool
	}{
		{"same", argon, vector("argon2id m 256 KiB"), false},
		{"other memory", argon, vector("argon2id m 64 MiB"), true},
		{"other lanes", argon, vector("argon2id p 2"), true},
		{"other passes", argon, strings.Replace(vector("argon2id m 256 KiB"), "t=2", "t=3", 1), true},
		{"scrypt to argon2id", argon, vector("medusa v2"), true},
		{"bcrypt to argon2id", argon, vector("bcrypt 2b"), true},
		{"same scrypt", v1, vector("medusa v1"), false},
		{"other scrypt", v1, vector("medusa v2"), true},
		{"other p", v1, scryptStored(0, 1, 1, 2), true},
		{"other r", v1, scryptStored(0, 1, 2, 1), true},
		{"argon2id to scrypt", v1, vector("argon2id m 256 KiB"), true},
		{"nothing stored", v1, "", true},
	} {
		if got := c.hasher.NeedsRehash(identity.NewSecret(c.stored)); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func hash(t *testing.T, h *password.Hasher, given string) identity.Secret {
	t.Helper()
	stored, err := h.Hash(t.Context(), given)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}
