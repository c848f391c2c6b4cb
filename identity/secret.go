package identity

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

const redacted = "[redacted]"

// Secret is a text that must not be shown: a password hash, a reset token. It
// prints as `[redacted]` in every format; Reveal is the only way to the text.
// Secrets of the same text are equal (==); the zero Secret is the empty text.
type Secret struct {
	// A handle holds a pointer, for fmt cannot call the methods of an unexported
	// field and would print the text of a Secret that lies in one. A pointer of
	// our own would make == compare addresses.
	text unique.Handle[string]
}

// NewSecret wraps text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{unique.Make(text)}
}

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.Empty() {
		return ""
	}
	return s.text.Value()
}

// Empty reports whether there is no text.
func (s Secret) Empty() bool { return s == Secret{} }

// String implements fmt.Stringer.
func (Secret) String() string { return redacted }

// Format implements fmt.Formatter, for every verb: fmt asks String for some only.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler, so JSON does not show it either.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
