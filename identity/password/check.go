package password

import (
	"strings"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// MaxBytes is the longest password in bytes, so that nobody has megabytes
// hashed. It is far beyond what people and password generators use.
const MaxBytes = 1024

// Passwords that are refused before any hashing. Each is an *identity.Error:
// ErrEmpty with CodeUnauthorized and Medusa's words (reference medusa-v2,
// section 3), the others with CodeInvalid.
var (
	ErrEmpty error = &identity.Error{
		Code: identity.CodeUnauthorized, Reason: "password_empty",
		Message: "Password should be a string",
	}
	ErrTooLong error = &identity.Error{
		Code: identity.CodeInvalid, Reason: "password_too_long",
		Message: "Password should be at most 1024 bytes long",
	}
	ErrNUL error = &identity.Error{
		Code: identity.CodeInvalid, Reason: "password_nul",
		Message: "Password should not contain a NUL character",
	}
	ErrNotUTF8 error = &identity.Error{
		Code: identity.CodeInvalid, Reason: "password_not_utf8",
		Message: "Password should be valid UTF-8",
	}
)

// Check reports why a password is not taken: [ErrEmpty], [ErrTooLong],
// [ErrNUL] or [ErrNotUTF8]. Everything else is taken, spaces at either end too.
// Each method that is given a password checks it first.
func Check(password string) error {
	switch {
	case password == "":
		return ErrEmpty
	case len(password) > MaxBytes:
		return ErrTooLong
	case strings.IndexByte(password, 0) >= 0:
		return ErrNUL // C implementations of bcrypt end the password there
	case !utf8.ValidString(password):
		return ErrNotUTF8 // has no normal form
	}
	return nil
}
