package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// mintedTTL is the life of the token by which a session reaches the backend. No
// session is believed for more than half of it, so a forwarded one is good for
// minutes.
const mintedTTL = 5 * time.Minute

// sessionEntry is a session as its requests need it.
type sessionEntry struct {
	record  *session.Record
	callers []*Caller // the latest login first
}

func (v *Verifier) loadSession(ctx context.Context, sid string) (*sessionEntry, error) {
	now := v.Clock()
	if entry, ok := v.sessions.get(sid, now); ok {
		return entry, nil
	}
	return v.sessions.ask(sid, now, func() (*sessionEntry, time.Time, error) {
		entry, err := v.readSession(ctx, sid, now)
		if err != nil {
			return nil, time.Time{}, err
		}
		return entry, entry.record.Cookie.Expires.Time, nil
	})
}

func (v *Verifier) readSession(ctx context.Context, sid string, now time.Time) (*sessionEntry, error) {
	record, err := v.Sessions.Load(ctx, sid)
	if err != nil {
		return nil, err
	}
	entry := &sessionEntry{record: record, callers: make([]*Caller, 0, len(record.Contexts))}
	for _, claims := range record.Contexts {
		// The session's own limits count, not those of the token it was made of
		// (reference medusa-v2, section 6).
		forwarded := claims
		forwarded.IssuedAt = max(now.Unix(), claims.IssuedAt)
		forwarded.ExpiresAt = forwarded.IssuedAt + int64(mintedTTL/time.Second)
		token, err := v.Tokens.Access(forwarded)
		if err != nil {
			return nil, fmt.Errorf("minting the token of a session: %w", err)
		}
		entry.callers = append(entry.callers, &Caller{Claims: claims, Method: Session, Authorization: "Bearer " + token})
	}
	// The order of a map is none.
	slices.SortFunc(entry.callers, func(a, b *Caller) int {
		return cmp.Or(
			later(record.Latest, a)-later(record.Latest, b),
			strings.Compare(a.Claims.ActorType, b.Claims.ActorType),
		)
	})
	return entry, nil
}

// later is 0 for the caller of the latest login and 1 for the others.
func later(latest string, c *Caller) int {
	if c.Claims.ActorType == latest {
		return 0
	}
	return 1
}
