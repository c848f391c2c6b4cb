package password

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/text/unicode/norm"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Hasher makes and verifies password hashes, a bounded number at once. Its
// methods may be called concurrently.
type Hasher struct {
	pool     *Pool
	random   io.Reader
	saltSize int
	// write makes a new hash.
	write func(password, salt []byte) (string, error)
	// dummy is a hash with the parameters of new ones that no password has. It
	// is verified where there is nothing else to verify.
	dummy hash
}

// New returns a Hasher. It fails if a parameter is out of bounds (then the error
// wraps [ErrOutOfBounds]) or the source of randomness fails.
func New(cfg Config) (*Hasher, error) {
	cfg = cfg.withDefaults()
	h := &Hasher{pool: cfg.Pool, random: cfg.Random}
	var err error
	if h.pool == nil {
		if h.pool, err = NewPool(0, 0); err != nil {
			return nil, err
		}
	}
	switch cfg.Format {
	case Argon2id:
		err = h.useArgon2(argon2Params{cfg.Argon2Memory, cfg.Argon2Time, cfg.Argon2Threads})
	case Scrypt:
		err = h.useScrypt(scryptParams{cfg.ScryptLogN, cfg.ScryptR, cfg.ScryptP})
	default:
		err = fmt.Errorf("%w: %q", ErrUnknownFormat, cfg.Format)
	}
	if err != nil {
		return nil, fmt.Errorf("configuring password hashes: %w", err)
	}
	return h, nil
}

func (h *Hasher) useArgon2(params argon2Params) error {
	if err := params.check(); err != nil {
		return err
	}
	salt, err := h.bytes(argon2Salt)
	if err != nil {
		return err
	}
	tag, err := h.bytes(argon2Tag)
	if err != nil {
		return err
	}
	h.saltSize, h.write, h.dummy = argon2Salt, params.hash, argon2Hash{params, salt, tag}
	return nil
}

func (h *Hasher) useScrypt(params scryptParams) error {
	if err := params.check(); err != nil {
		return err
	}
	salt, err := h.bytes(scryptSaltSize)
	if err != nil {
		return err
	}
	tag, err := h.bytes(scryptSize - scryptMACAt)
	if err != nil {
		return err
	}
	h.saltSize, h.write, h.dummy = scryptSaltSize, params.hash, scryptHash{params, params.seal(salt), tag}
	return nil
}

// bytes returns n random bytes.
func (h *Hasher) bytes(n int) ([]byte, error) {
	data := make([]byte, n)
	if _, err := io.ReadFull(h.random, data); err != nil {
		return nil, fmt.Errorf("reading random bytes: %w", err)
	}
	return data, nil
}

// Hash returns a new hash of the password's NFC form. It fails as [Check] does,
// and with [identity.CodeUnavailable] if the pool is full (reason
// hash_queue_full), no place was free within two seconds (hash_wait_timeout) or
// the context ended before the work began (hash_wait_cancelled, wraps the
// context's error).
func (h *Hasher) Hash(ctx context.Context, password string) (identity.Secret, error) {
	if err := Check(password); err != nil {
		return identity.Secret{}, err
	}
	var stored string
	err := h.pool.run(ctx, func() error {
		salt, err := h.bytes(h.saltSize)
		if err != nil {
			return err
		}
		stored, err = h.write(norm.NFC.AppendString(nil, password), salt)
		return err
	})
	if err != nil {
		return identity.Secret{}, fmt.Errorf("hashing password: %w", err)
	}
	return identity.NewSecret(stored), nil
}

// Verify reports whether the stored hash is of the password. It fails as [Hash]
// does, and with an error that wraps [ErrUnknownFormat], [ErrCorrupt] or
// [ErrOutOfBounds] if the stored hash cannot be verified; that costs the work of
// a verification all the same. An account without a hash is for [VerifyNone].
//
// [Hash]: Hasher.Hash
// [VerifyNone]: Hasher.VerifyNone
func (h *Hasher) Verify(ctx context.Context, stored identity.Secret, password string) (match bool, err error) {
	if err := Check(password); err != nil {
		return false, err
	}
	parsed, unreadable := parse(stored.Reveal())
	if unreadable != nil {
		parsed = h.dummy
	}
	err = h.pool.run(ctx, func() error {
		match, err = h.try(ctx, parsed, password)
		return err
	})
	if err == nil {
		err = unreadable
	}
	if err != nil {
		return false, fmt.Errorf("verifying password: %w", err)
	}
	return match, nil
}

// VerifyNone does the work of [Hasher.Verify] for an account that does not
// exist. It fails for the same passwords and for the same want of a place.
func (h *Hasher) VerifyNone(ctx context.Context, password string) error {
	if err := Check(password); err != nil {
		return err
	}
	err := h.pool.run(ctx, func() error {
		_, err := h.try(ctx, h.dummy, password)
		return err
	})
	if err != nil {
		return fmt.Errorf("verifying password: %w", err)
	}
	return nil
}

// try compares each form of the password with a hash. A password that does not
// match a cheap hash costs the work of the dummy as well, or the quick answer
// would tell that there is such an account.
func (h *Hasher) try(ctx context.Context, stored hash, password string) (bool, error) {
	forms := [][]byte{norm.NFC.AppendString(nil, password)}
	if string(forms[0]) != password {
		forms = append(forms, []byte(password))
	}
	for _, form := range forms {
		if err := alive(ctx); err != nil {
			return false, err
		}
		if match, err := stored.matches(form); match || err != nil {
			return match, err
		}
	}
	if stored.work() < h.dummy.work() {
		_, err := h.try(ctx, h.dummy, password)
		return false, err
	}
	return false, nil
}

// NeedsRehash reports whether a hash should be made anew at the next login,
// because new ones have another format or other parameters or because it cannot
// be verified. An error of [Hasher.Hash] then is no reason to fail the login.
func (h *Hasher) NeedsRehash(stored identity.Secret) bool {
	parsed, err := parse(stored.Reveal())
	return err != nil || parsed.settings() != h.dummy.settings()
}
