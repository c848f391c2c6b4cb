package password

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	bcryptSize     = 60 // `$2b$10$`, 22 characters of salt, 31 of hash
	bcryptSaltAt   = 7
	bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// bcryptHash is verified only: bcrypt is not written, it uses little memory and
// ends a password after 72 bytes.
type bcryptHash struct {
	cost   uint8
	stored []byte
}

// matches is false for every password of over 72 bytes. Elsewhere such a
// password is cut there, and any other end would then log in as well. It costs
// the same work.
func (b bcryptHash) matches(password []byte) (bool, error) {
	err := bcrypt.CompareHashAndPassword(b.stored, password[:min(len(password), bcryptMaxBytes)])
	if err != nil && !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, fmt.Errorf("comparing bcrypt hash: %w", err)
	}
	return err == nil && len(password) <= bcryptMaxBytes, nil
}

func (b bcryptHash) work() uint64 { return bcryptWork << b.cost }

func (b bcryptHash) settings() string { return fmt.Sprintf("bcrypt cost=%d", b.cost) }

// parseBcrypt reads `$2b$<cost>$<salt><hash>`; the caller knows the version.
func parseBcrypt(stored string) (hash, error) {
	if len(stored) != bcryptSize {
		return nil, fmt.Errorf("%w: length", ErrCorrupt)
	}
	tens, ones := stored[4]-'0', stored[5]-'0'
	if tens > 9 || ones > 9 || stored[6] != '$' {
		return nil, fmt.Errorf("%w: cost", ErrCorrupt)
	}
	for _, c := range []byte(stored[bcryptSaltAt:]) {
		if strings.IndexByte(bcryptAlphabet, c) < 0 {
			return nil, fmt.Errorf("%w: base64", ErrCorrupt)
		}
	}
	// 31 characters hold 184 bits and two that are zero; with others no
	// password would ever match. (Stray bits of the salt are ignored by every
	// implementation, and old generators set them.)
	if strings.IndexByte(bcryptAlphabet, stored[bcryptSize-1])&3 != 0 {
		return nil, fmt.Errorf("%w: base64", ErrCorrupt)
	}
	cost := tens*10 + ones
	if err := within("cost", uint64(cost), bcryptMinCost, bcryptMaxCost); err != nil {
		return nil, err
	}
	return bcryptHash{cost, []byte(stored)}, nil
}
