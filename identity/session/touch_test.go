package session_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// use loads and touches a session, as a request does.
func use(t testing.TB, m *session.Manager, sid string) (setCookie string) {
	t.Helper()
	record, err := m.Load(t.Context(), sid)
	if err != nil {
		t.Fatal(err)
	}
	setCookie, err = m.Touch(t.Context(), sid, record, false)
	if err != nil {
		t.Fatal(err)
	}
	return setCookie
}

func TestTouchWritesAtMostEveryTenth(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{Rolling: true})
	started := login(t, m, "", claims("customer", "cus_1"))
	for _, step := range []struct {
		forward time.Duration
		want    string
	}{
		{0, ""},
		{time.Hour - time.Millisecond, ""},
		{time.Millisecond, "Sun, 22 Nov 2026 03:54:34 GMT"},
		{59 * time.Minute, ""},
		{time.Minute, "Sun, 22 Nov 2026 04:54:34 GMT"},
		{9 * time.Hour, "Sun, 22 Nov 2026 13:54:34 GMT"},
	} {
		store.clock.Forward(step.forward)
		store.ops = nil
		setCookie := use(t, m, started.SID)
		if step.want == "" {
			if setCookie != "" || len(store.ops) != 1 {
				t.Errorf("at %s: sent %q, did %v", store.clock.Now(), setCookie, store.ops)
			}
			continue
		}
		value, _, _ := strings.Cut(started.SetCookie, ";")
		if want := value + "; Path=/; Expires=" + step.want + "; HttpOnly"; setCookie != want {
			t.Errorf("at %s\n got %s\nwant %s", store.clock.Now(), setCookie, want)
		}
		if got, want := store.records[started.SID].expires, store.clock.Now().Add(session.DefaultTTL); !got.Equal(want) {
			t.Errorf("kept until %s, want %s", got, want)
		}
	}
	store.clock.Forward(session.DefaultTTL)
	if got := actors(t, m, started.SID); got != nil {
		t.Errorf("an idle session goes on as %v", got)
	}
}

func TestTouchDoesNothingUnlessRolling(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{})
	started := login(t, m, "", claims("customer", "cus_1"))
	store.clock.Forward(9 * time.Hour)
	store.ops = nil
	if setCookie := use(t, m, started.SID); setCookie != "" || len(store.ops) != 1 {
		t.Errorf("sent %q, did %v", setCookie, store.ops)
	}
}

// A session that is used all the time lasts exactly its maximum age.
func TestTouchStopsAtTheMaximumAge(t *testing.T) {
	t.Parallel()
	const maxAge = 25*time.Hour + 30*time.Minute
	m, store := newManager(t, session.Settings{Rolling: true, MaxAge: maxAge})
	started := login(t, m, "", claims("customer", "cus_1"))
	end := start.Add(maxAge)
	for store.clock.Now().Before(end) {
		use(t, m, started.SID)
		if got := store.records[started.SID].expires; got.After(end) {
			t.Fatalf("at %s kept until %s", store.clock.Now(), got)
		}
		store.clock.Forward(10 * time.Minute)
	}
	if got := actors(t, m, started.SID); got != nil {
		t.Errorf("the session goes on as %v", got)
	}
	writes := 0
	for _, op := range store.ops {
		if op == "replace" {
			writes++
		}
	}
	if writes < 10 || writes > 20 {
		t.Errorf("written %d times", writes)
	}
}

// A Secure cookie is not sent over plain http, but the session rolls.
func TestTouchOverPlainHTTP(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{Rolling: true, Secure: session.SecureAlways})
	started := login(t, m, "", claims("customer", "cus_1"))
	store.clock.Forward(5 * time.Hour)
	if setCookie := use(t, m, started.SID); setCookie != "" {
		t.Errorf("sent %s", setCookie)
	}
	store.clock.Forward(6 * time.Hour)
	if actors(t, m, started.SID) == nil {
		t.Error("the session has ended")
	}
}

// Records that Medusa wrote roll as well, and keep what they hold.
func TestTouchOfMedusasRecord(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{Rolling: true})
	store.put("sid", `{"cookie":{},"auth_context":{"actor_id":"cus_1","actor_type":"customer"}}`, 24*time.Hour)
	if setCookie := use(t, m, "sid"); !strings.Contains(setCookie, "Expires=Sun, 22 Nov 2026 02:54:34 GMT") {
		t.Errorf("sent %q", setCookie)
	}
	if got := actors(t, m, "sid"); got["customer"] != "cus_1" {
		t.Errorf("the session holds %v", got)
	}
}

// Touch leaves the record alone: requests share it in a cache.
func TestTouchDoesNotChangeTheRecord(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{Rolling: true})
	started := login(t, m, "", claims("customer", "cus_1"))
	before, err := started.Record.Encode()
	if err != nil {
		t.Fatal(err)
	}
	store.clock.Forward(5 * time.Hour)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := m.Touch(t.Context(), started.SID, &started.Record, false); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if after, err := started.Record.Encode(); err != nil || string(after) != string(before) {
		t.Errorf("%v\n was %s\n now %s", err, before, after)
	}
}

// A log-out while a request with the session is under way is final, wherever
// in the request it comes (Medusa writes the session back).
func TestTouchDoesNotResurrect(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{"before Touch": "", "right before the write": "replace"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, store := newManager(t, session.Settings{Rolling: true})
			started := login(t, m, "", claims("customer", "cus_1"))
			store.clock.Forward(5 * time.Hour)
			record, err := m.Load(t.Context(), started.SID)
			if err != nil {
				t.Fatal(err)
			}
			store.before = func(ctx context.Context, op, sid string) error {
				if op == end {
					return m.End(ctx, sid, nil)
				}
				return nil
			}
			if end == "" {
				if err := m.End(t.Context(), started.SID, nil); err != nil {
					t.Fatal(err)
				}
			}
			setCookie, err := m.Touch(t.Context(), started.SID, record, false)
			if !errors.Is(err, identity.ErrNotFound) || setCookie != "" {
				t.Errorf("sent %q, %v", setCookie, err)
			}
			store.before = nil
			if got := actors(t, m, started.SID); got != nil {
				t.Errorf("the session is back as %v", got)
			}
		})
	}
}

// The same with many requests at once.
func TestTouchRacesEnd(t *testing.T) {
	t.Parallel()
	m, store := newManager(t, session.Settings{Rolling: true})
	for range 200 {
		started := login(t, m, "", claims("customer", "cus_1"))
		store.clock.Forward(2 * time.Hour)
		record, err := m.Load(t.Context(), started.SID)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := m.Touch(t.Context(), started.SID, record, false); err != nil && !errors.Is(err, identity.ErrNotFound) {
					t.Error(err)
				}
			})
		}
		if err := m.End(t.Context(), started.SID, nil); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if got := actors(t, m, started.SID); got != nil {
			t.Fatalf("the session is back as %v", got)
		}
	}
}
