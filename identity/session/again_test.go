package session_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// unreplicated is a store that ends a session, and cannot say that it stays so.
func (s *memory) unreplicated() {
	s.before = func(_ context.Context, op, sid string) error {
		if op != "delete" {
			return nil
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.records, sid)
		return identity.Unavailable("write_not_replicated", nil)
	}
}

// Who was not told whether a session has ended is told so once it is safe, and not
// before.
func TestEndAgain(t *testing.T) {
	t.Parallel()
	m, store := newManagerBy(t, session.Config{Waits: true})
	started := login(t, m, "", claims("customer", "cus_1"))
	store.unreplicated()
	if err := m.End(t.Context(), started.SID, nil); identity.ReasonOf(err) != "write_not_replicated" {
		t.Fatalf("got %v", err)
	}
	if err := m.EndAgain(t.Context(), started.SID); identity.ReasonOf(err) != "write_not_replicated" {
		t.Errorf("again: got %v", err)
	}
	if cookie, err := m.Leave(t.Context(), started.SID, "customer", false); cookie != "" || identity.ReasonOf(err) != "write_not_replicated" {
		t.Errorf("leaving: got %q, %v", cookie, err)
	}
	store.before = nil
	if err := m.EndAgain(t.Context(), started.SID); err != nil {
		t.Errorf("when it is safe: got %v", err)
	}
	if cookie, err := m.Leave(t.Context(), started.SID, "customer", false); cookie != m.ClearCookie() || err != nil {
		t.Errorf("leaving when it is safe: got %q, %v", cookie, err)
	}
}

// What is there is not ended so, nor is anything said while the store is down.
func TestEndAgainLeavesWhatIsThere(t *testing.T) {
	t.Parallel()
	m, store := newManagerBy(t, session.Config{Waits: true})
	started := login(t, m, "", claims("customer", "cus_1"))
	if err := m.EndAgain(t.Context(), started.SID); !errors.Is(err, identity.ErrStale) {
		t.Errorf("got %v", err)
	}
	if _, err := m.Load(t.Context(), started.SID); err != nil {
		t.Errorf("the session has ended: %v", err)
	}
	store.before = func(context.Context, string, string) error { return identity.Unavailable("store_refused", nil) }
	if err := m.EndAgain(t.Context(), started.SID); identity.ReasonOf(err) != "store_refused" {
		t.Errorf("got %v", err)
	}
}

// Nobody is told that a session has ended which a failover brought back while it was
// looked at.
func TestLeaveWhatComesBack(t *testing.T) {
	t.Parallel()
	m, store := newManagerBy(t, session.Config{Waits: true})
	started := login(t, m, "", claims("customer", "cus_1"))
	data, _ := store.get(started.SID)
	loads := 0
	store.before = func(_ context.Context, op, sid string) error {
		if op != "load" {
			return nil
		}
		if loads++; loads == 1 {
			store.mu.Lock()
			defer store.mu.Unlock()
			delete(store.records, sid)
			return nil
		}
		store.put(sid, data, time.Hour)
		return nil
	}
	if cookie, err := m.Leave(t.Context(), started.SID, "customer", false); cookie != "" || identity.CodeOf(err) != identity.CodeUnavailable {
		t.Errorf("got %q, %v", cookie, err)
	}
	if cookie, err := m.Leave(t.Context(), started.SID, "customer", false); cookie != m.ClearCookie() || err != nil {
		t.Errorf("again: got %q, %v", cookie, err)
	}
	store.before = nil
	if _, err := m.Load(t.Context(), started.SID); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("the session: %v", err)
	}
}

// A store that does not wait leaves nothing open, and is not asked.
func TestEndAgainWithoutReplicas(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{TTL: time.Hour})
	started := login(t, m, "", claims("customer", "cus_1"))
	if err := m.End(t.Context(), started.SID, nil); err != nil {
		t.Fatal(err)
	}
	store.ops = nil
	if err := m.EndAgain(t.Context(), started.SID); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if cookie, err := m.Leave(t.Context(), started.SID, "customer", false); cookie != m.ClearCookie() || err != nil {
		t.Errorf("leaving: got %q, %v", cookie, err)
	}
	if slices.Contains(store.ops, "delete") {
		t.Errorf("the store was asked to %v", store.ops)
	}
}
