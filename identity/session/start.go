package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// undoTime bounds the removal of a session whose login failed.
const undoTime = 2 * time.Second

// Started is a new session.
type Started struct {
	SID string
	// SetCookie is the line for the response. It is "" in one case: SecureAlways
	// and a request by plain http, which the caller should log, since to the
	// person it looks like a login without effect.
	SetCookie string
	Record    Record
}

// Start logs somebody in. The session gets a new id, whatever the browser
// brought. Logins of other actor types in the session oldSID ("" if there is
// none) are carried over with the age they have; one of the same type is
// replaced. When Start succeeds the old id is dead. If that cannot be confirmed
// the login fails, with the error of the store.
func (m *Manager) Start(ctx context.Context, oldSID string, claims identity.Claims, https bool) (Started, error) {
	if claims.ActorType == "" {
		return Started{}, errors.New("starting a session: claims without an actor type")
	}
	now := m.now()
	record := Record{
		Cookie:    m.cfg.cookie(now, m.expires(now, now), https),
		CreatedAt: now,
		Latest:    claims.ActorType,
		Contexts:  map[string]identity.Claims{claims.ActorType: claims},
	}
	var old *Record
	if oldSID != "" {
		var err error
		old, _, err = m.load(ctx, oldSID)
		if err != nil && !errors.Is(err, identity.ErrNotFound) {
			return Started{}, fmt.Errorf("starting a session: %w", err)
		}
		record.carry(old)
	}
	sid, err := newSID(m.cfg.Rand)
	if err != nil {
		return Started{}, fmt.Errorf("starting a session: %w", err)
	}
	if _, err := record.Encode(); err != nil { // nothing is listed that cannot be written
		return Started{}, fmt.Errorf("starting a session: %w", err)
	}
	if err := m.list(ctx, sid, &record, now, oldSID); err != nil {
		return Started{}, fmt.Errorf("starting a session: %w", err)
	}
	if err := m.write(ctx, m.cfg.Store.SaveSession, sid, &record, now); err != nil {
		return Started{}, fmt.Errorf("starting a session: %w", err)
	}
	m.seen.Add(sid, now)
	if oldSID != "" {
		if err := m.retire(ctx, oldSID, sid, &record, now); err != nil {
			m.undo(ctx, sid, &record)
			return Started{}, fmt.Errorf("starting a session: %w", err)
		}
		m.unlist(ctx, oldSID, old)
	}
	return Started{SID: sid, SetCookie: m.setCookie(sid, record.Cookie, https), Record: record}, nil
}

// carry takes over the logins of an older record, which may be nil.
func (r *Record) carry(old *Record) {
	if old == nil {
		return
	}
	for actorType, claims := range old.Contexts {
		if actorType == r.Latest {
			continue
		}
		if r.Carried == nil {
			r.Carried = make(map[string]time.Time)
		}
		r.Contexts[actorType] = claims
		r.Carried[actorType] = old.since(actorType)
	}
}

// retire ends the session that record replaces. What it carried belongs to whoever
// removes it: what a log-out beside this one has ended must not live on under the
// new id.
func (m *Manager) retire(ctx context.Context, oldSID, sid string, record *Record, now time.Time) error {
	err := m.cfg.Store.DeleteSession(ctx, oldSID)
	if errors.Is(err, identity.ErrNotFound) {
		if err = nil; len(record.Carried) > 0 {
			record.Contexts = map[string]identity.Claims{record.Latest: record.Contexts[record.Latest]}
			record.Carried = nil
			err = m.write(ctx, m.cfg.Store.SaveSession, sid, record, now)
		}
	}
	if err != nil {
		return fmt.Errorf("ending the session before: %w", err)
	}
	return nil
}

// undo removes a session that nobody was told of, as well as it can, even if
// the client has gone meanwhile.
func (m *Manager) undo(ctx context.Context, sid string, record *Record) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	_ = m.End(ctx, sid, record) // it ends by itself, too, and its id is known to nobody
}

// replacing returns what writes a record in place of that one alone.
func (m *Manager) replacing(old []byte) writeFunc {
	return func(ctx context.Context, sid string, record []byte, ttl time.Duration) error {
		return m.cfg.Store.ReplaceSession(ctx, sid, old, record, ttl)
	}
}

type writeFunc func(ctx context.Context, sid string, record []byte, ttl time.Duration) error

func (m *Manager) write(ctx context.Context, write writeFunc, sid string, record *Record, now time.Time) error {
	data, err := record.Encode()
	if err != nil {
		return err
	}
	return write(ctx, sid, data, record.Cookie.Expires.Sub(now))
}
