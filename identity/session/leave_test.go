package session_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// both logs somebody in as a customer and, an hour later, as a user.
func both(t *testing.T, m *session.Manager, store *memory) session.Started {
	t.Helper()
	first := login(t, m, "", claims("customer", "cus_1"))
	store.clock.Forward(time.Hour)
	return login(t, m, first.SID, claims("user", "user_1"))
}

func TestLeaveOfTheOnlyLoginEndsTheSession(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	started := login(t, m, "", claims("customer", "cus_1"))
	cookie, err := m.Leave(t.Context(), started.SID, "customer", false)
	if err != nil || cookie != m.ClearCookie() {
		t.Errorf("got %q, %v", cookie, err)
	}
	if got := store.sids(); len(got) != 0 {
		t.Errorf("the store holds %v", got)
	}
	// Again: there is nothing left, and the browser is told so.
	if cookie, err := m.Leave(t.Context(), started.SID, "customer", false); err != nil || cookie != m.ClearCookie() {
		t.Errorf("again: got %q, %v", cookie, err)
	}
}

func TestLeaveKeepsTheOthers(t *testing.T) {
	t.Parallel()
	for leaves, test := range map[string]struct {
		stays, actor string
		since        time.Duration
	}{
		"customer": {"user", "user_1", time.Hour},
		"user":     {"customer", "cus_1", 0},
	} {
		t.Run(leaves, func(t *testing.T) {
			t.Parallel()
			m, store := newManager(t, session.Settings{})
			old := both(t, m, store)
			end := old.Record.Cookie.Expires.Time
			store.clock.Forward(time.Hour)
			cookie, err := m.Leave(t.Context(), old.SID, leaves, true)
			if err != nil {
				t.Fatal(err)
			}
			line, attributes, _ := strings.Cut(cookie, ";")
			sid, ok := m.FromRequest(cookies(line))
			if !ok || sid == old.SID || !strings.Contains(attributes, "Secure") {
				t.Fatalf("the cookie is %q", cookie)
			}
			if got := store.sids(); len(got) != 1 || got[0] != sid {
				t.Errorf("the store holds %v, want %s alone", got, sid)
			}
			record, err := m.Load(t.Context(), sid)
			if err != nil {
				t.Fatal(err)
			}
			if record.Latest != test.stays || record.Contexts[test.stays].ActorID != test.actor || len(record.Contexts) != 1 || len(record.Carried) != 0 {
				t.Errorf("the session holds %+v", record)
			}
			// Neither the login nor the session gets younger.
			if !record.CreatedAt.Equal(start.Add(test.since)) || !record.Cookie.Expires.Equal(end) {
				t.Errorf("since %s until %s, want until %s", record.CreatedAt, record.Cookie.Expires, end)
			}
		})
	}
}

func TestLeaveOfNobody(t *testing.T) {
	t.Parallel()
	m, _ := newManager(t, session.Settings{})
	started := login(t, m, "", claims("user", "user_1"))
	if cookie, err := m.Leave(t.Context(), started.SID, "customer", false); err != nil || cookie != "" {
		t.Errorf("got %q, %v", cookie, err)
	}
	if got := actors(t, m, started.SID); !maps.Equal(got, map[string]string{"user": "user_1"}) {
		t.Errorf("the session holds %v", got)
	}
}

// A log-out of everything that comes beside it is not undone.
func TestLeaveBesideALogOut(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	old := both(t, m, store)
	store.before = func(ctx context.Context, op, _ string) error {
		if op == "save" {
			store.before = nil
			return m.End(ctx, old.SID, nil)
		}
		return nil
	}
	if cookie, err := m.Leave(t.Context(), old.SID, "customer", false); err != nil || cookie != m.ClearCookie() {
		t.Errorf("got %q, %v", cookie, err)
	}
	if got := store.sids(); len(got) != 0 {
		t.Errorf("the store holds %v", got)
	}
}

// A login that runs beside it does not bring back who has left.
func TestLoginBesideALeave(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	old := both(t, m, store)
	store.before = func(ctx context.Context, op, _ string) error {
		if op == "save" { // the login has read the old session
			store.before = nil
			_, err := m.Leave(ctx, old.SID, "customer", false)
			return err
		}
		return nil
	}
	started := login(t, m, old.SID, claims("user", "user_2"))
	if got := actors(t, m, started.SID); !maps.Equal(got, map[string]string{"user": "user_2"}) {
		t.Errorf("the session holds %v", got)
	}
}

func TestLeaveWithoutTheStore(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"load", "save", "delete"} {
		m, store := newManager(t, session.Settings{})
		old := both(t, m, store)
		store.before = func(ctx context.Context, what, sid string) error {
			if what != op || op == "delete" && sid != old.SID {
				return nil
			}
			return failing(op)(ctx, what, sid)
		}
		cookie, err := m.Leave(t.Context(), old.SID, "customer", false)
		if identity.CodeOf(err) != identity.CodeUnavailable || cookie != "" {
			t.Errorf("%s: got %q, %v", op, cookie, err)
		}
		store.before = nil
		if got := store.sids(); len(got) != 1 || got[0] != old.SID {
			t.Errorf("%s: the store holds %v", op, got)
		}
	}
}
