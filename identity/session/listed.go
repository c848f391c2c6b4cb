package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Bounds of what a list says about a log-in, in bytes.
const (
	maxAgent   = 256
	maxAddress = 64
)

// PublicID is how people tell their sessions apart: it opens none.
func PublicID(sid string) string {
	sum := sha256.Sum256([]byte("session\x00" + sid))
	return "ses_" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// List returns the sessions in which the identity is logged in by claims that were
// issued at validFrom or later, the latest used first.
func (m *Manager) List(ctx context.Context, identityID string, validFrom time.Time) ([]identity.SessionEntry, error) {
	listed, err := m.cfg.Store.ListedSessions(ctx, identityID)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	listed = slices.DeleteFunc(listed, func(e identity.SessionEntry) bool { return e.IssuedAt < validFrom.Unix() })
	slices.SortFunc(listed, func(a, b identity.SessionEntry) int {
		if order := b.UsedAt.Compare(a.UsedAt); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
	return listed, nil
}

// EndListed ends one of the sessions that List returns by its public id, whoever
// else is logged in by it, and returns its id in the cookie. identity.ErrNotFound
// if the identity has no such session.
func (m *Manager) EndListed(ctx context.Context, identityID string, validFrom time.Time, publicID string) (sid string, err error) {
	listed, err := m.List(ctx, identityID, validFrom)
	if err != nil {
		return "", fmt.Errorf("ending a listed session: %w", err)
	}
	n := slices.IndexFunc(listed, func(e identity.SessionEntry) bool { return e.ID == publicID })
	if n < 0 {
		return "", identity.ErrNotFound
	}
	// It was there a moment ago: if it is gone it has ended, perhaps by this very call,
	// which is sent again when its reply is lost.
	if err := m.cfg.Store.DeleteSession(ctx, listed[n].SID); err != nil && !errors.Is(err, identity.ErrNotFound) {
		return "", fmt.Errorf("ending a listed session: %w", err)
	}
	_ = m.cfg.Store.UnlistSessions(ctx, identityID, publicID) // whoever reads the list next does it
	return listed[n].SID, nil
}

// EndAll ends the sessions of an identity whose credentials were revoked, but for
// the one whose id is except, and returns their ids. Those in which somebody else
// is logged in too go on for them.
func (m *Manager) EndAll(ctx context.Context, identityID, except string) (sids []string, err error) {
	listed, err := m.cfg.Store.ListedSessions(ctx, identityID)
	if err != nil {
		return nil, fmt.Errorf("ending all sessions: %w", err)
	}
	var gone []string
	for _, e := range listed {
		if e.SID == except {
			continue
		}
		if !e.Shared {
			if err := m.cfg.Store.DeleteSession(ctx, e.SID); err != nil && !errors.Is(err, identity.ErrNotFound) {
				return sids, fmt.Errorf("ending all sessions: %w", err)
			}
		}
		sids, gone = append(sids, e.SID), append(gone, e.ID)
	}
	_ = m.cfg.Store.UnlistSessions(ctx, identityID, gone...) // whoever reads the list next does it
	return sids, nil
}

// renewTries bounds how often a session is read again that requests beside this
// one prolong.
const renewTries = 5

// Renew makes the identity's claims in a session as good as if they were issued
// then, or better if they are already, those that were issued at validFrom or later. identity.ErrNotFound if
// there are none.
func (m *Manager) Renew(ctx context.Context, sid, identityID string, validFrom time.Time, issuedAt int64) error {
	for range renewTries {
		record, data, err := m.load(ctx, sid)
		if err != nil {
			return fmt.Errorf("renewing a session: %w", err)
		}
		renewed := 0
		for actorType, claims := range record.Contexts {
			if claims.IdentityID == identityID && claims.IssuedAt >= validFrom.Unix() {
				claims.IssuedAt = max(claims.IssuedAt, issuedAt) // it may be renewed twice at once
				record.Contexts[actorType] = claims
				renewed++
			}
		}
		if renewed == 0 {
			return fmt.Errorf("renewing a session: %w", identity.ErrNotFound)
		}
		now := m.now()
		if record.Cookie.Expires.IsZero() {
			record.Cookie.Expires.Time = m.expires(now, record.CreatedAt)
		}
		if err := m.list(ctx, sid, record, now, ""); err != nil {
			return fmt.Errorf("renewing a session: %w", err)
		}
		err = m.write(identity.Durable(ctx), m.replacing(data), sid, record, now)
		if !errors.Is(err, identity.ErrStale) {
			return err
		}
	}
	return identity.Unavailable("session_contended", errors.New("renewing a session: it changes all the time"))
}

// list puts a session that is about to be written on the lists of all who are
// logged in by it, in place of the session old, unless that is "". Who is gone has
// none. Sessions that are too many for one of them end, whoever else is logged in by
// them: no session lives that its owner cannot end.
func (m *Manager) list(ctx context.Context, sid string, record *Record, now time.Time, old string) error {
	replaced := ""
	if old != "" {
		replaced = PublicID(old)
	}
	for id, e := range m.entries(ctx, sid, record, now) {
		ended, err := m.cfg.Store.ListSession(ctx, id, e, replaced)
		for _, sid := range ended {
			m.cfg.Ended(sid)
		}
		if err != nil && !errors.Is(err, identity.ErrNotFound) {
			return fmt.Errorf("listing a session: %w", err)
		}
	}
	return nil
}

// unlist takes a session that has ended off the lists, as well as it can: who
// reads them finds that it has no record.
func (m *Manager) unlist(ctx context.Context, sid string, record *Record) {
	if record == nil {
		return
	}
	ids := make(map[string]bool, 1)
	for _, claims := range record.Contexts {
		ids[claims.IdentityID] = true
	}
	for id := range ids {
		_ = m.cfg.Store.UnlistSessions(ctx, id, PublicID(sid))
	}
}

// entries returns what the lists say about a session, by identity.
func (m *Manager) entries(ctx context.Context, sid string, record *Record, now time.Time) map[string]identity.SessionEntry {
	entries := make(map[string]identity.SessionEntry, 1)
	for _, actorType := range slices.Sorted(maps.Keys(record.Contexts)) {
		claims := record.Contexts[actorType]
		if claims.IdentityID == "" {
			continue
		}
		e, known := entries[claims.IdentityID]
		if !known {
			e = identity.SessionEntry{
				ID: PublicID(sid), SID: sid, UsedAt: now, ExpiresAt: record.Cookie.Expires.Time,
				Address: clip(identity.ClientOf(ctx), maxAddress), Agent: clip(identity.AgentOf(ctx), maxAgent),
			}
		}
		e.ActorTypes = append(e.ActorTypes, actorType)
		e.IssuedAt = max(e.IssuedAt, claims.IssuedAt)
		if since := record.since(actorType); since.After(e.CreatedAt) {
			e.CreatedAt = since
		}
		entries[claims.IdentityID] = e
	}
	for id, e := range entries {
		e.Shared = len(entries) > 1
		entries[id] = e
	}
	return entries
}

// clip cuts a client's text to that many bytes of UTF-8.
func clip(text string, limit int) string {
	text = strings.ToValidUTF8(text, "")
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
