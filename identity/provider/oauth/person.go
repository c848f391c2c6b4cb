package oauth

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxShort is the longest text of a profile that becomes part of tokens, in
// bytes: these travel in headers.
const maxShort = 1024

// Short returns the text, or "" if it is too long to be part of a token.
func Short(text string) string {
	if len(text) > maxShort {
		return ""
	}
	return text
}

// maxAddress is the longest address: 64 octets, `@` and 255 octets (RFC 5321,
// section 4.5.3.1).
const maxAddress = 320

// PlainAddress reports whether the text is one e-mail address and nothing else:
// no display name, comment, quoted local part, second `@` or trailing dot.
// (attacks.md D13)
func PlainAddress(text string) bool {
	if len(text) > maxAddress || !utf8.ValidString(text) ||
		strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return false
	}
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Address != text || strings.ContainsRune(text, '"') {
		return false
	}
	_, domain, _ := strings.Cut(text, "@")
	domain, err = idna.Lookup.ToASCII(domain)
	return err == nil && hostName.MatchString(domain)
}
