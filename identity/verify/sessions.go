package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// mintedTTL is the life of the token by which a session reaches the backend.
// Renewed at half of it, so a forwarded one is good for minutes.
const mintedTTL = 5 * time.Minute

// sessionEntry is a session as its requests need it.
type sessionEntry struct {
	record  *session.Record
	callers []*Caller // the latest login first
	renewAt time.Time // when the minted tokens are due
}

func (v *Verifier) loadSession(ctx context.Context, sid string) (*sessionEntry, error) {
	now := v.Clock()
	entry, err := v.sessions.get(sid, now, func() (*sessionEntry, error) { return v.readSession(ctx, sid, now) })
	if err == nil && !now.Before(entry.renewAt) { // only when answers are believed for longer than a token lives
		v.sessions.remove(sid)
		return v.readSession(ctx, sid, now)
	}
	return entry, err
}

func (v *Verifier) readSession(ctx context.Context, sid string, now time.Time) (*sessionEntry, error) {
	record, err := v.Sessions.Load(ctx, sid)
	if err != nil {
		return nil, err
	}
	entry := &sessionEntry{record: record, renewAt: now.Add(mintedTTL / 2)}
	for actorType, claims := range record.Contexts {
		// The session's own limits count, not those of the token it was made of
		// (reference medusa-v2, section 6).
		forwarded := claims
		forwarded.IssuedAt, forwarded.ExpiresAt = now.Unix(), now.Add(mintedTTL).Unix()
		token, err := v.Tokens.Access(forwarded)
		if err != nil {
			return nil, fmt.Errorf("minting the token of a session: %w", err)
		}
		caller := &Caller{Claims: claims, Method: Session, Token: token}
		if actorType == record.Latest {
			entry.callers = slices.Insert(entry.callers, 0, caller)
		} else {
			entry.callers = append(entry.callers, caller)
		}
	}
	if len(entry.callers) > 2 { // the order of a map is none
		slices.SortFunc(entry.callers[1:], func(a, b *Caller) int {
			return strings.Compare(a.Claims.ActorType, b.Claims.ActorType)
		})
	}
	return entry, nil
}
