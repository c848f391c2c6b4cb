package session

import (
	"context"
	"time"
)

const (
	// usedEvery is how often at most the list of sessions is told that one is used.
	usedEvery = time.Minute
	// usedEntries bounds the sessions of which that is remembered.
	usedEntries = 16384
	// usedQueue bounds what waits to be told.
	usedQueue = 256
)

// use is a use of a session by somebody.
type use struct {
	identityID, publicID string
	at, ends             time.Time
}

// used notes that a session was used. The lists are told later and, when there is
// too much to tell, not at all: nothing depends on it.
func (m *Manager) used(sid string, record *Record) {
	now := m.now()
	if last, ok := m.seen.Get(sid); ok && !now.Before(last) && now.Sub(last) < usedEvery {
		return
	}
	m.seen.Add(sid, now)
	told := ""
	for _, claims := range record.Contexts {
		if claims.IdentityID == "" || claims.IdentityID == told {
			continue
		}
		told = claims.IdentityID
		select {
		case m.uses <- use{told, PublicID(sid), now, record.Cookie.Expires.Time}:
		default:
			return
		}
	}
}

// Run tells the lists of sessions which are used, until ctx ends.
func (m *Manager) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case u := <-m.uses:
			_ = m.cfg.Store.SeeSession(ctx, u.identityID, u.publicID, u.at, u.ends)
		}
	}
}
