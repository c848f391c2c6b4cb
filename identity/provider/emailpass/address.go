package emailpass

import (
	"errors"
	"net/mail"
	"strings"
	"unicode"

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
// name, no comment, no quoted local part, no second `@`, nothing invisible.
func parseAddress(s string) (address, error) {
	typed := strings.TrimSpace(s)
	canonical, err := canonicalise(typed)
	if err != nil {
		return address{}, err
	}
	// The mapping of a domain name can yield dots where none may be, and a
	// longer text. What is not a canonical form itself would be another account
	// than the same address typed in that form.
	if again, err := canonicalise(canonical); err != nil || again != canonical {
		return address{}, errors.New("no canonical form")
	}
	return address{typed, canonical}, nil
}

func canonicalise(s string) (string, error) {
	if len(s) > maxAddress {
		return "", errors.New("too long")
	}
	if strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return "", errors.New("a character that cannot be seen")
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil {
		return "", errors.New("not one plain address") // mail's error repeats the input
	}
	if parsed.Address != s {
		return "", errors.New("more than an address")
	}
	local, domain, _ := strings.Cut(s, "@")
	domain, err = idna.Lookup.ToASCII(domain)
	if err != nil {
		return "", errors.New("no domain name behind the @")
	}
	// Composed before, for the sake of the letters whose case is mapped as a
	// whole, and after, since some compose in lower case alone.
	folded := norm.NFC.String(strings.ToLower(norm.NFC.String(local)))
	if ascii(folded) && !ascii(local) {
		// The Kelvin sign becomes a k: another mailbox than that with the letter,
		// whose owner would find the account taken and never get its mail.
		return "", errors.New("a letter that only looks like one of ASCII")
	}
	return folded + "@" + domain, nil
}

// Account implements identity.Guessable: the canonical address, and of what is
// none as much as accounts that were imported, or a backend, may not tell apart.
func (p *Provider) Account(email string) string {
	keys := p.Keys(email)
	return norm.NFC.String(strings.ToLower(strings.TrimSpace(keys[len(keys)-1])))
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c > unicode.MaxASCII })
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
