package session

import (
	"context"
	"fmt"
)

// Touch prolongs a rolling session that was just used, up to its maximum age,
// and returns the Set-Cookie line for the response. It returns "" if there is
// nothing to send: the sessions do not roll, less than a tenth of the TTL has
// passed since the last time, the maximum age is reached, or the cookie is
// Secure and the request is not.
//
// A session that was ended since record was loaded stays dead, with
// identity.ErrNotFound. The record is not changed. A failure says nothing about
// the request at hand, whose session was good when it was loaded.
func (m *Manager) Touch(ctx context.Context, sid string, record *Record, https bool) (setCookie string, err error) {
	if !m.cfg.Rolling {
		return "", nil
	}
	now := m.now()
	last := record.Cookie.Expires
	if !last.IsZero() && now.Add(m.cfg.TTL).Sub(last.Time) < m.cfg.TTL/10 {
		return "", nil
	}
	expires := m.expires(now, record.since(record.Latest))
	if !expires.After(last.Time) || !expires.After(now) {
		return "", nil
	}
	next := *record
	next.Cookie = m.cfg.cookie(now, expires, https)
	if err := m.write(ctx, m.cfg.Store.ReplaceSession, sid, &next, now); err != nil {
		return "", fmt.Errorf("prolonging a session: %w", err)
	}
	return m.setCookie(sid, next.Cookie, https), nil
}
