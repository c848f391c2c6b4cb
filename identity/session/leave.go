package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Leave ends the login of one actor type. If it was the session's only one, the
// session ends; the others go on under a new id with the age they have, and the
// old id is dead. It returns the Set-Cookie line for the response, which clears
// the cookie when nothing is left; "" if nobody of that type is logged in and the
// session stays as it is. On failure the session is unchanged, or it is unknown
// whether it ended.
func (m *Manager) Leave(ctx context.Context, sid, actorType string, https bool) (setCookie string, err error) {
	record, _, err := m.load(ctx, sid)
	if errors.Is(err, identity.ErrNotFound) {
		err := m.EndAgain(ctx, sid)
		if errors.Is(err, identity.ErrStale) {
			err = identity.Unavailable("session_contended", err)
		}
		if err != nil && !errors.Is(err, identity.ErrNotFound) {
			return "", fmt.Errorf("leaving a session: %w", err)
		}
		return m.ClearCookie(), nil
	}
	if err != nil {
		return "", fmt.Errorf("leaving a session: %w", err)
	}
	if _, in := record.Contexts[actorType]; !in {
		return "", nil
	}
	if len(record.Contexts) == 1 {
		if err := m.End(ctx, sid, record); err != nil {
			return "", fmt.Errorf("leaving a session: %w", err)
		}
		return m.ClearCookie(), nil
	}
	now := m.now()
	rest := record.without(actorType)
	end := record.Cookie.Expires.Time
	if end.IsZero() {
		end = m.expires(now, rest.CreatedAt)
	}
	rest.Cookie = m.cfg.cookie(now, end, https)
	next, err := newSID(m.cfg.Rand)
	if err != nil {
		return "", fmt.Errorf("leaving a session: %w", err)
	}
	if err := m.list(ctx, next, rest, now, sid); err != nil {
		return "", fmt.Errorf("leaving a session: %w", err)
	}
	if err := m.write(ctx, m.cfg.Store.SaveSession, next, rest, now); err != nil {
		return "", fmt.Errorf("leaving a session: %w", err)
	}
	err = m.cfg.Store.DeleteSession(ctx, sid)
	if errors.Is(err, identity.ErrNotFound) { // somebody ended all of it meanwhile, or has the rest
		m.undo(ctx, next, rest)
		return m.ClearCookie(), nil
	}
	if err != nil {
		m.undo(ctx, next, rest)
		return "", fmt.Errorf("leaving a session: %w", err)
	}
	m.unlist(ctx, sid, record)
	return m.setCookie(next, rest.Cookie, https), nil
}

// without returns the record without the login of that type. The latest of the
// others takes its place.
func (r *Record) without(actorType string) *Record {
	rest := &Record{Contexts: maps.Clone(r.Contexts), Carried: make(map[string]time.Time)}
	delete(rest.Contexts, actorType)
	for other := range rest.Contexts {
		rest.Carried[other] = r.since(other)
		if latest := rest.Latest; latest == "" || r.since(other).After(r.since(latest)) ||
			r.since(other).Equal(r.since(latest)) && other < latest {
			rest.Latest = other
		}
	}
	rest.CreatedAt = rest.Carried[rest.Latest]
	delete(rest.Carried, rest.Latest)
	return rest
}
