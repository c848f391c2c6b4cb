package session

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Defaults of Settings, those of Medusa.
const (
	DefaultName = "connect.sid"
	DefaultTTL  = 10 * time.Hour
)

// Secure says when a cookie carries the attribute Secure.
type Secure string

// The values of Secure.
const (
	// SecureAuto, the default: when the request came by https.
	SecureAuto Secure = "auto"
	// SecureAlways: always. Over plain http no cookie is sent at all, as
	// express-session does it, since the browser would not send it back.
	SecureAlways Secure = "always"
	// SecureNever: never.
	SecureNever Secure = "never"
)

// SameSite is the attribute SameSite of a cookie.
type SameSite string

// The values of SameSite.
const (
	// SameSiteDefault: Lax over https, not written over http. These are the
	// forms that Medusa has in production and in development.
	SameSiteDefault SameSite = ""
	SameSiteLax     SameSite = "lax"
	SameSiteNone    SameSite = "none"
	SameSiteStrict  SameSite = "strict"
)

// Settings are the properties of sessions and of their cookies. The zero value
// is Medusa's: `connect.sid`, 10 h, not rolling.
type Settings struct {
	// Name of the cookie. Default: connect.sid.
	Name string
	// Domain to whose subdomains the cookie is sent as well. Default: none, the
	// cookie belongs to the host alone.
	Domain   string
	SameSite SameSite
	// Secure. Default: SecureAuto.
	Secure Secure
	// TTL is how long a session lasts after the login or, when Rolling, after
	// its last use. At least a second. Default: 10 h.
	TTL time.Duration
	// MaxAge ends a session that long after the login, however much it is used.
	// One below TTL is fine: whichever ends first counts. Default: no limit.
	MaxAge time.Duration
	// Rolling makes every use prolong the session. Default: false.
	Rolling bool
}

func (s Settings) withDefaults() Settings {
	if s.Name == "" {
		s.Name = DefaultName
	}
	if s.Secure == "" {
		s.Secure = SecureAuto
	}
	if s.TTL == 0 {
		s.TTL = DefaultTTL
	}
	return s
}

var (
	// A cookie name is a token (RFC 6265 section 4.1.1, RFC 9110 section 5.6.2).
	tokenForm = regexp.MustCompile("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$")
	// A host name, with the leading dot that browsers ignore (RFC 6265 section 5.2.3).
	domainForm = regexp.MustCompile(`(?i)^\.?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
)

// Validate reports everything that is wrong with the settings, above all the
// combinations with which browsers silently drop the cookie (RFC 6265bis
// sections 4.1.2 and 4.1.3). Each message names the remedy.
func (s Settings) Validate() error {
	s = s.withDefaults()
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if !tokenForm.MatchString(s.Name) {
		fail("cookie %q: a cookie name may hold letters, digits and !#$%%&'*+-.^_`|~ only", s.Name)
	}
	if s.Domain != "" && !domainForm.MatchString(s.Domain) {
		fail("domain %q: write a host name without scheme, port, path or space, such as example.com", s.Domain)
	}
	switch s.SameSite {
	case SameSiteDefault, SameSiteLax, SameSiteStrict:
	case SameSiteNone:
		if s.Secure != SecureAlways {
			fail("same_site none: browsers drop such a cookie unless it is Secure; add secure always, or use same_site lax")
		}
	default:
		fail("same_site %q: use lax, none or strict", string(s.SameSite))
	}
	switch s.Secure {
	case SecureAuto, SecureAlways, SecureNever:
	default:
		fail("secure %q: use auto, always or never", string(s.Secure))
	}
	prefix := prefixOf(s.Name)
	if prefix.secure && s.Secure != SecureAlways {
		fail("cookie %s: browsers accept this prefix on Secure cookies only; add secure always, or rename the cookie", s.Name)
	}
	if prefix.host && s.Domain != "" {
		fail("cookie %s: browsers accept the prefix __Host- without a domain only; remove domain %s, or rename the cookie", s.Name, s.Domain)
	}
	if s.TTL < time.Second {
		fail("ttl %s: a session must last at least 1s; leave ttl out for %s", s.TTL, DefaultTTL)
	}
	if s.MaxAge != 0 && s.MaxAge < time.Second {
		fail("max_age %s: a session must last at least 1s; leave max_age out for no limit", s.MaxAge)
	}
	return errors.Join(errs...)
}

// prefix is what the name of a cookie demands of its attributes.
type prefix struct{ host, secure, httpOnly bool }

// prefixOf compares without case, as browsers do (RFC 6265bis section 5.7). The
// newer prefixes __Http- and __Host-Http- demand HttpOnly, on a deletion too.
func prefixOf(name string) prefix {
	name = strings.ToLower(name)
	host := strings.HasPrefix(name, "__host-")
	httpOnly := strings.HasPrefix(name, "__http-") || strings.HasPrefix(name, "__host-http-")
	return prefix{
		host:     host,
		secure:   host || httpOnly || strings.HasPrefix(name, "__secure-"),
		httpOnly: httpOnly,
	}
}
