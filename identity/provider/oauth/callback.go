package oauth

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// maxCallbackURL is the longest address that is looked at, in bytes.
const maxCallbackURL = 2048

// Callbacks are the addresses to which a third party may send the browser back.
type Callbacks struct {
	configured string
	exact      []string
	prefixes   []string // origin and path, up to and with the last slash
}

// NewCallbacks makes a list of the configured address and of more. An entry is a
// whole address, which matches itself alone, or ends with `/*`: then it matches
// every plain path below it, without a query. Entries are written as browsers
// write them, since nothing is normalised when they are compared. Plain http is
// for loopback hosts, and for entries without `/*`.
func NewCallbacks(configured string, more []string) (*Callbacks, error) {
	if configured == "" {
		return nil, errors.New("callback_url is missing: set it to the page of the shop to which the browser comes back, like https://shop.example/auth/callback")
	}
	if strings.HasSuffix(configured, "*") {
		return nil, fmt.Errorf("callback_url %q must be one address: write what ends with /* in callback_urls", configured)
	}
	c := &Callbacks{configured: configured}
	if err := checkEntry(configured); err != nil {
		return nil, fmt.Errorf("callback_url %q: %w", configured, err)
	}
	c.exact = append(c.exact, configured)
	for _, entry := range more {
		whole, isPrefix := strings.CutSuffix(entry, "*")
		if err := checkEntry(whole); err != nil {
			return nil, fmt.Errorf("callback_urls %q: %w", entry, err)
		}
		if !isPrefix {
			c.exact = append(c.exact, entry)
			continue
		}
		u, err := url.Parse(whole)
		switch {
		case err != nil || !strings.HasSuffix(whole, "/") || u.RawQuery != "" || u.ForceQuery || strings.Contains(whole, "%"):
			return nil, fmt.Errorf("callback_urls %q: an address ends with /* behind a plain path, like https://shop.example/auth/*", entry)
		case u.Scheme == "http" && !loopback(u.Hostname()):
			return nil, fmt.Errorf("callback_urls %q: plain http with /* is for loopback hosts: use https, or list every address", entry)
		}
		c.prefixes = append(c.prefixes, whole)
	}
	return c, nil
}

// Choose returns the address asked for, or the configured one for "". CodeInvalid
// if it is not on the list. (attacks.md D1)
func (c *Callbacks) Choose(asked string) (string, error) {
	if asked == "" {
		return c.configured, nil
	}
	if len(asked) > maxCallbackURL {
		return "", errRefused
	}
	if slices.Contains(c.exact, asked) {
		return asked, nil
	}
	for _, prefix := range c.prefixes {
		if rest, ok := strings.CutPrefix(asked, prefix); ok && plainPath(rest) {
			return asked, nil
		}
	}
	return "", errRefused
}

var errRefused = &identity.Error{
	Code: identity.CodeInvalid, Reason: "callback_url_refused",
	Message: "callback_url must be one of the addresses that the provider is configured with",
}

// plainPath reports whether the text is a relative path that all parsers read
// alike: unreserved characters (RFC 3986, section 2.3), nothing escaped, no dot
// segments, no empty ones but the last. A query could make a redirector of the
// shop's own pass the code on.
func plainPath(text string) bool {
	segments := strings.Split(text, "/")
	for n, segment := range segments {
		if segment == "." || segment == ".." || segment == "" && n < len(segments)-1 {
			return false
		}
		if strings.ContainsFunc(segment, func(r rune) bool { return !unreserved(r) }) {
			return false
		}
	}
	return true
}

func unreserved(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~", r)
}

// checkEntry refuses what parsers read differently, and what a browser would
// write in another way, so that it would never match. The error says what to
// write instead.
func checkEntry(entry string) error {
	if len(entry) > maxCallbackURL {
		return fmt.Errorf("it is longer than %d characters", maxCallbackURL)
	}
	if strings.ContainsFunc(entry, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("\\\"'<>^`{|}", r) }) {
		return errors.New("it holds a space, a control character or one of \\\"'<>^`{|}: escape it as browsers do")
	}
	u, err := url.Parse(entry)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Host == "":
		return errors.New("it is no address that a browser can be sent to: write it in full, like https://shop.example/auth/callback")
	case u.User != nil:
		return errors.New("it names a user: leave out what stands before the @")
	case strings.Contains(entry, "#"):
		return errors.New("it has a fragment: leave out # and what follows (RFC 6749, section 3.1.2)")
	case strings.Contains(entry, "*"):
		return errors.New("* can stand only behind the last slash, in callback_urls")
	}
	if err := checkHost(u); err != nil {
		return err
	}
	if !strings.HasPrefix(entry, u.Scheme+"://"+u.Host) {
		return errors.New("its scheme is not written as browsers write it: use lower case, like https://shop.example/auth/callback")
	}
	if strings.ContainsFunc(entry, func(r rune) bool { return r > '~' }) {
		return fmt.Errorf("it holds letters that browsers escape: write %s", u.String())
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return errors.New("it has a dot segment: write the path that remains when it is resolved")
		}
	}
	if oddEscape.MatchString(u.EscapedPath()) || strings.Contains(u.Path, "//") {
		return errors.New("its path has an empty segment, or an escaped dot, slash, backslash, percent sign or control character: choose a plain path")
	}
	return nil
}

// oddEscape is what servers read in different ways: %00 to %1f, and % . / \ DEL.
var oddEscape = regexp.MustCompile(`(?i)%([01][0-9a-f]|25|2e|2f|5c|7f)`)

var (
	hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)
	// numeric is how a name ends that browsers take for an IPv4 address (URL
	// standard, section 3.5).
	numeric = regexp.MustCompile(`(^|\.)([0-9]+|0x[0-9a-f]*)$`)
)

// checkHost refuses a host that is not written as browsers write it.
func checkHost(u *url.URL) error {
	host := u.Hostname()
	port := u.Port()
	if number, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || number == 0) {
		return errors.New("its port is none: use 1 to 65535")
	}
	if strings.HasSuffix(u.Host, ":") || strings.HasPrefix(port, "0") ||
		u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return errors.New("its port is the usual one or odd: leave it out, as browsers do")
	}
	if strings.HasPrefix(u.Host, "[") || numeric.MatchString(host) {
		address, err := netip.ParseAddr(host)
		if err != nil || address.Zone() != "" || address.String() != host {
			return errors.New("its host is an IP address in an unusual form: write 127.0.0.1 or [::1]")
		}
		return nil
	}
	ascii, err := idna.Lookup.ToASCII(host)
	switch {
	case hostName.MatchString(host) && (err == nil || !strings.Contains(host, "xn--")): // it knows no underscores
		return nil
	case err == nil && ascii != host:
		return fmt.Errorf("write its host as browsers send it: %s", ascii)
	}
	return errors.New("its host is no name that a browser can be sent to")
}

// loopback reports whether requests to the host do not leave the machine.
func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// plain returns the entries that send the code over a network in plain text.
func (c *Callbacks) plain() []string {
	var found []string
	for _, entry := range c.exact {
		if u, err := url.Parse(entry); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
			found = append(found, entry)
		}
	}
	return found
}
