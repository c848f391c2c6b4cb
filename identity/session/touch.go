package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Touch prolongs a rolling session that was just used, up to its maximum age,
// and returns the Set-Cookie line for the response. It returns "" if there is
// nothing to send: the sessions do not roll, less than a tenth of the TTL has
// passed since the last time, the maximum age is reached, or the cookie is
// Secure and the request is not.
//
// A session that was ended since record was loaded stays dead, with
// identity.ErrNotFound, and one that was changed is prolonged as it is now. The
// record is not changed. A failure says nothing about the request at hand, whose
// session was good when it was loaded.
func (m *Manager) Touch(ctx context.Context, sid string, record *Record, https bool) (setCookie string, err error) {
	if !m.cfg.Rolling {
		return "", nil
	}
	if !m.due(record, m.now()) {
		return "", nil
	}
	next, data, err := m.load(ctx, sid)
	if err != nil {
		return "", fmt.Errorf("prolonging a session: %w", err)
	}
	now := m.now()
	if !m.due(next, now) { // a request beside this one prolonged it
		return "", nil
	}
	next.Cookie = m.cfg.cookie(now, m.expires(now, next.since(next.Latest)), https)
	for id := range m.entries(ctx, sid, next, now) { // first, for nothing may outlive its entry
		if err := m.cfg.Store.SeeSession(ctx, id, PublicID(sid), now, next.Cookie.Expires.Time); err != nil {
			return "", fmt.Errorf("prolonging a session: %w", err)
		}
	}
	err = m.write(ctx, m.replacing(data), sid, next, now)
	if errors.Is(err, identity.ErrStale) { // the next request will prolong it
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("prolonging a session: %w", err)
	}
	return m.setCookie(sid, next.Cookie, https), nil
}

// due reports whether a session that is used now is to be prolonged.
func (m *Manager) due(record *Record, now time.Time) bool {
	last := record.Cookie.Expires
	if !last.IsZero() && now.Add(m.cfg.TTL).Sub(last.Time) < m.cfg.TTL/10 {
		return false
	}
	expires := m.expires(now, record.since(record.Latest))
	return expires.After(last.Time) && expires.After(now)
}
