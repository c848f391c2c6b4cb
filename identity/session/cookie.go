package session

import (
	"net/http"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Cookie is the member `cookie` of a record: the properties of the cookie that
// belongs to the session, in the order in which express-session writes them.
// Records of other origin may lack any of them.
type Cookie struct {
	// OriginalMaxAge is the lifetime when the record was written, in milliseconds.
	OriginalMaxAge int64 `json:"originalMaxAge,omitzero"`
	// Expires is when the session ends; zero if only the store knows.
	Expires  identity.Time `json:"expires,omitzero"`
	Secure   bool          `json:"secure"`
	HTTPOnly bool          `json:"httpOnly"`
	Domain   string        `json:"domain,omitzero"`
	Path     string        `json:"path,omitzero"`
	SameSite SameSite      `json:"sameSite"`
}

// cookie returns the cookie of a session that is written now and ends then.
func (s Settings) cookie(now, expires time.Time, https bool) Cookie {
	c := Cookie{
		OriginalMaxAge: expires.Sub(now).Milliseconds(),
		Expires:        identity.Time{Time: expires},
		Secure:         s.Secure == SecureAlways || s.Secure == SecureAuto && https,
		HTTPOnly:       true,
		Domain:         s.Domain,
		Path:           "/",
		SameSite:       s.SameSite,
	}
	if c.SameSite == SameSiteDefault && https {
		c.SameSite = SameSiteLax
	}
	return c
}

// header returns the Set-Cookie line. The order of the attributes is that of
// the npm package cookie, from which net/http differs.
func (c Cookie) header(name, value string) string {
	return name + "=" + value + c.scope() + "; Expires=" + c.Expires.UTC().Format(http.TimeFormat) + c.flags()
}

// scope returns the attributes that say to which requests the cookie belongs.
func (c Cookie) scope() string {
	if c.Domain == "" {
		return "; Path=" + c.Path
	}
	return "; Domain=" + c.Domain + "; Path=" + c.Path
}

// flags returns the attributes that protect the cookie.
func (c Cookie) flags() string {
	var b strings.Builder
	if c.HTTPOnly {
		b.WriteString("; HttpOnly")
	}
	if c.Secure {
		b.WriteString("; Secure")
	}
	switch c.SameSite {
	case SameSiteLax:
		b.WriteString("; SameSite=Lax")
	case SameSiteNone:
		b.WriteString("; SameSite=None")
	case SameSiteStrict:
		b.WriteString("; SameSite=Strict")
	}
	return b.String()
}

// clear returns the Set-Cookie line that deletes the cookie. As Medusa's, it
// carries only those attributes that were configured explicitly. A prefix of
// the name implies SecureAlways, so browsers accept the deletion as well.
func (s Settings) clear() string {
	return Cookie{
		Domain:   s.Domain,
		Path:     "/",
		Expires:  identity.Time{Time: time.Unix(0, 0)},
		HTTPOnly: prefixOf(s.Name).httpOnly,
		Secure:   s.Secure == SecureAlways,
		SameSite: s.SameSite,
	}.header(s.Name, "")
}
