package session

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	// browserSuffix makes the name of the browser's cookie of the session's.
	browserSuffix = ".browser"
	// browserBytes is the entropy of a browser's id.
	browserBytes = 32
	// browserTTL is how long a browser keeps its id after it was last told of it.
	browserTTL = 30 * 24 * time.Hour
)

// Browser returns the id that the request's browser was told to remember or, if
// it has none, a new one. It is no session: it tells whether the browser that
// comes back from a third party is the one that went there.
func (m *Manager) Browser(h http.Header) identity.Browser {
	if id, ok := find(h["Cookie"], m.browser); ok && validBrowser(id) {
		return identity.Browser{ID: id, Returned: true}
	}
	var raw [browserBytes]byte
	_, _ = rand.Read(raw[:]) // never fails
	return identity.Browser{ID: base64.RawURLEncoding.EncodeToString(raw[:])}
}

// BrowserCookie returns the Set-Cookie line that tells the browser its id, with
// the attributes of the session's cookie, or "" if it must not be sent.
func (m *Manager) BrowserCookie(b identity.Browser, https bool) string {
	now := m.now()
	c := m.cfg.cookie(now, now, https)
	if c.Secure && !https {
		return ""
	}
	maxAge := "; Max-Age=" + strconv.Itoa(int(browserTTL.Seconds()))
	return m.browser + "=" + b.ID + c.scope() + maxAge + c.flags()
}

// validBrowser reports whether the text is an id as we make them.
func validBrowser(id string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(id)
	return err == nil && len(raw) == browserBytes && base64.RawURLEncoding.EncodeToString(raw) == id
}
