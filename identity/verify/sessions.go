package verify

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// sessionEntry is a session as its requests need it.
type sessionEntry struct {
	record  *session.Record
	callers []held // the latest login first
	// after are revocations that the store told of before the record was read. Whoever
	// keeps a session renews it before the revocation that it outlives: what these end
	// in the record was not kept.
	after []revocation
}

// revocation ended what was issued to the identity before that time.
type revocation struct {
	identityID string
	validFrom  int64 // Unix seconds, as claims have them
}

// held is a caller that is replaced when the backend gets to know him.
type held struct{ atomic.Pointer[Caller] }

// loadSession returns the session, and until when it is believed.
func (v *Verifier) loadSession(ctx context.Context, sid string) (entry *sessionEntry, until time.Time, err error) {
	now := v.Clock()
	if entry, until, ok := v.sessions.get(sid, now); ok {
		return entry, until, nil
	}
	return v.askSession(ctx, sid, now)
}

// askSession reads the session, after the store told of those revocations.
func (v *Verifier) askSession(ctx context.Context, sid string, now time.Time, after ...revocation) (*sessionEntry, time.Time, error) {
	return v.sessions.ask(sid, now, func() (*sessionEntry, time.Time, error) {
		entry, err := v.readSession(ctx, sid)
		if err != nil {
			return nil, time.Time{}, err
		}
		entry.after = after
		return entry, entry.record.Cookie.Expires.Time, nil
	})
}

func (v *Verifier) readSession(ctx context.Context, sid string) (*sessionEntry, error) {
	record, err := v.Sessions.Load(ctx, sid)
	if err != nil {
		return nil, err
	}
	callers := make([]*Caller, 0, len(record.Contexts))
	for _, claims := range record.Contexts {
		callers = append(callers, &Caller{Claims: claims, Method: Session})
	}
	// The order of a map is none.
	slices.SortFunc(callers, func(a, b *Caller) int {
		return cmp.Or(
			later(record.Latest, a)-later(record.Latest, b),
			strings.Compare(a.Claims.ActorType, b.Claims.ActorType),
		)
	})
	entry := &sessionEntry{record: record, callers: make([]held, len(callers))}
	for n, caller := range callers {
		entry.callers[n].Store(caller)
	}
	return entry, nil
}

// later is 0 for the caller of the latest login and 1 for the others.
func later(latest string, c *Caller) int {
	if c.Claims.ActorType == latest {
		return 0
	}
	return 1
}
