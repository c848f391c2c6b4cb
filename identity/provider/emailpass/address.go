package emailpass

import (
	"errors"
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// maxAddress is the longest address of a new identity: 64 octets, `@` and 255
// octets (RFC 5321, section 4.5.3.1).
const maxAddress = 320

// address is an e-mail address that can be a new account.
type address struct {
	typed     string // as typed, without the spaces around it
	canonical string // what makes it one account: NFC, lower case, ASCII domain
}

// parseAddress accepts one plain address and nothing around it: no display
// name, no comment, no quoted local part, no second `@`.
func parseAddress(s string) (address, error) {
	typed := strings.TrimSpace(s)
	if len(typed) > maxAddress {
		return address{}, errors.New("too long")
	}
	parsed, err := mail.ParseAddress(typed)
	if err != nil {
		return address{}, errors.New("not one plain address") // mail's error repeats the input
	}
	if parsed.Name != "" || parsed.Address != typed {
		return address{}, errors.New("more than an address")
	}
	local, domain, _ := strings.Cut(norm.NFC.String(typed), "@")
	domain, err = idna.Lookup.ToASCII(domain)
	if err != nil || domain == "" || strings.Contains(domain, "@") {
		return address{}, errors.New("no domain name behind the @")
	}
	return address{typed: typed, canonical: strings.ToLower(local) + "@" + strings.ToLower(domain)}, nil
}

// Keys implements identity.CredentialUpdater: the exact spelling first, because
// imported accounts may differ by case alone, then the canonical one.
func (*Provider) Keys(email string) []string {
	keys := []string{email}
	if a, err := parseAddress(email); err == nil && a.canonical != email {
		keys = append(keys, a.canonical)
	}
	return keys
}
