package oauth

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// parseDomains returns the domains as they are compared: in lower case and ASCII.
func parseDomains(listed []string) ([]string, error) {
	var domains []string
	for _, entry := range listed {
		domain, err := idna.Registration.ToASCII(strings.ToLower(entry))
		if err != nil || !hostName.MatchString(domain) {
			return nil, fmt.Errorf("email_domains %q is no domain: write what stands behind the @ and nothing else, like shop.example; every subdomain is an entry of its own", entry)
		}
		domains = append(domains, domain)
	}
	return domains, nil
}

// domainOf returns the domain of one plain address, in lower case and ASCII; "" for
// anything else. (attacks.md D13)
func domainOf(address string) string {
	if !PlainAddress(address) {
		return ""
	}
	domain := address[strings.LastIndexByte(address, '@')+1:]
	if !strings.ContainsFunc(domain, func(r rune) bool { return r > '~' }) {
		return strings.ToLower(domain)
	}
	// Not mapped as by a browser, which would make the domain itself of letters
	// that only look like its own: full-width ones, or the Kelvin sign.
	domain, err := idna.Registration.ToASCII(domain)
	if err != nil {
		return ""
	}
	return domain
}

// AdmitEmail implements identity.EmailAdmitter: it returns an error if the client
// is for people of some e-mail domains alone, and the address is in none of them;
// "" is in none. The error is CodeUnauthorized with the reason email_domain, and
// does not name the address.
func (c *Client) AdmitEmail(verified string) error {
	if len(c.emailDomains) == 0 {
		return nil
	}
	if domain := domainOf(verified); domain != "" && slices.Contains(c.emailDomains, domain) {
		return nil
	}
	return &identity.Error{Code: identity.CodeUnauthorized, Reason: "email_domain", Message: "Authentication failed"}
}
