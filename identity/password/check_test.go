package password_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, password string
		want           error
		code           identity.Code
	}{
		{"empty", "", password.ErrEmpty, identity.CodeUnauthorized},
		{"one character", "x", nil, ""},
		{"a space", " ", nil, ""},
		{"spaces around", "  x  ", nil, ""},
		{"73 bytes", strings.Repeat("x", 73), nil, ""},
		{"longest", strings.Repeat("x", password.MaxBytes), nil, ""},
		{"too long", strings.Repeat("x", password.MaxBytes+1), password.ErrTooLong, identity.CodeInvalid},
		{"too long in bytes", strings.Repeat("ö", password.MaxBytes/2) + "x", password.ErrTooLong, identity.CodeInvalid},
		{"1 MB", strings.Repeat("x", 1<<20), password.ErrTooLong, identity.CodeInvalid},
		{"NUL inside", "pass\x00word", password.ErrNUL, identity.CodeInvalid},
		{"NUL at the end", "password\x00", password.ErrNUL, identity.CodeInvalid},
		{"invalid UTF-8", "pass\xffword", password.ErrNotUTF8, identity.CodeInvalid},
		{"surrogate", "\xed\xa0\x80", password.ErrNotUTF8, identity.CodeInvalid},
		{"cut character", "\xc3", password.ErrNotUTF8, identity.CodeInvalid},
		{"emoji", "\U0001F600", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := password.Check(c.password)
			if !errors.Is(err, c.want) || identity.CodeOf(err) != c.code {
				t.Errorf("got %v (%s), want %v (%s)", err, identity.CodeOf(err), c.want, c.code)
			}
		})
	}
	if got := password.ErrEmpty.Error(); got != "Password should be a string" {
		t.Errorf("message of an empty password: %q", got)
	}
}

func TestEveryMethodChecks(t *testing.T) {
	t.Parallel()
	h := newHasher(t, fastArgon2)
	ctx := t.Context()
	stored, err := h.Hash(ctx, "password")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{password.ErrEmpty, password.ErrTooLong, password.ErrNUL, password.ErrNotUTF8} {
		given := map[error]string{
			password.ErrEmpty:   "",
			password.ErrTooLong: strings.Repeat("x", password.MaxBytes+1),
			password.ErrNUL:     "password\x00",
			password.ErrNotUTF8: "password\xff",
		}[want]
		if _, err := h.Hash(ctx, given); !errors.Is(err, want) {
			t.Errorf("Hash: got %v, want %v", err, want)
		}
		if match, err := h.Verify(ctx, stored, given); match || !errors.Is(err, want) {
			t.Errorf("Verify: got %v, %v, want %v", match, err, want)
		}
		if err := h.VerifyNone(ctx, given); !errors.Is(err, want) {
			t.Errorf("VerifyNone: got %v, want %v", err, want)
		}
	}
}
