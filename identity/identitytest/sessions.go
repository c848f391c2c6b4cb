package identitytest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// SessionStore is what the package session asks of a store.
type SessionStore interface {
	LoadSession(ctx context.Context, sid string) ([]byte, error)
	SaveSession(ctx context.Context, sid string, record []byte, ttl time.Duration) error
	ReplaceSession(ctx context.Context, sid string, old, record []byte, ttl time.Duration) error
	DeleteSession(ctx context.Context, sid string) error
}

// RunSessions runs the contract of a session store against an empty store, one
// sub-test per sentence of it.
func RunSessions(t *testing.T, newStore func(t *testing.T) SessionStore) {
	for name, test := range map[string]func(*testing.T, SessionStore){
		"none":                   testNoSession,
		"everything is kept":     testSessionKept,
		"replace":                testReplaceSession,
		"delete":                 testDeleteSession,
		"replace does not undo":  testReplaceAfterDelete,
		"expires":                testSessionExpires,
		"without end is refused": testSessionWithoutEnd,
		"a context that ended":   testSessionContext,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStore(t))
		})
	}
}

const sid = "nyMv0IIVuYN5VIVtVFf8zI8RGXHTBCJD"

// loads fails the test unless the session has that record; nil: there is none.
func loads(t *testing.T, s SessionStore, sid string, want []byte) {
	t.Helper()
	got, err := s.LoadSession(t.Context(), sid)
	switch {
	case want == nil && !errors.Is(err, identity.ErrNotFound):
		t.Fatalf("loading gave %q, %v, want %v", got, err, identity.ErrNotFound)
	case want != nil && (err != nil || !bytes.Equal(got, want)):
		t.Fatalf("loading gave %q, %v, want %q", got, err, want)
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testNoSession(t *testing.T, s SessionStore) {
	loads(t, s, sid, nil)
	if err := s.ReplaceSession(t.Context(), sid, nil, []byte("{}"), time.Hour); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("replacing none gave %v, want %v", err, identity.ErrNotFound)
	}
	loads(t, s, sid, nil)
	if err := s.DeleteSession(t.Context(), sid); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("deleting none gave %v, want %v", err, identity.ErrNotFound)
	}
}

func testSessionKept(t *testing.T, s SessionStore) {
	for _, record := range []string{`{"cookie":{}}`, "\x00\xff", "", `{"a":"käthe\u2028"}`} {
		noError(t, s.SaveSession(t.Context(), sid, []byte(record), time.Hour))
		loads(t, s, sid, []byte(record))
		loads(t, s, sid+"x", nil)
	}
}

func testReplaceSession(t *testing.T, s SessionStore) {
	noError(t, s.SaveSession(t.Context(), sid, []byte("old"), time.Hour))
	for _, other := range []string{"", "ol", "old ", "new"} {
		if err := s.ReplaceSession(t.Context(), sid, []byte(other), []byte("new"), time.Hour); !errors.Is(err, identity.ErrStale) {
			t.Errorf("replacing %q gave %v, want %v", other, err, identity.ErrStale)
		}
	}
	loads(t, s, sid, []byte("old"))
	noError(t, s.ReplaceSession(t.Context(), sid, []byte("old"), []byte("new\x00\xff"), time.Hour))
	loads(t, s, sid, []byte("new\x00\xff"))
	noError(t, s.ReplaceSession(t.Context(), sid, []byte("new\x00\xff"), []byte("newer"), time.Hour))
	loads(t, s, sid, []byte("newer"))
	loads(t, s, sid+"x", nil)
}

func testDeleteSession(t *testing.T, s SessionStore) {
	noError(t, s.SaveSession(t.Context(), sid, []byte("a"), time.Hour))
	noError(t, s.SaveSession(t.Context(), sid+"x", []byte("b"), time.Hour))
	noError(t, s.DeleteSession(t.Context(), sid))
	loads(t, s, sid, nil)
	if err := s.DeleteSession(t.Context(), sid); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("deleting again gave %v, want %v", err, identity.ErrNotFound)
	}
	loads(t, s, sid, nil)
	loads(t, s, sid+"x", []byte("b"))
}

// testReplaceAfterDelete: a log-out wins over the requests that run meanwhile.
func testReplaceAfterDelete(t *testing.T, s SessionStore) {
	noError(t, s.SaveSession(t.Context(), sid, []byte("a"), time.Hour))
	done := make(chan error)
	for range 20 {
		go func() {
			err := s.ReplaceSession(t.Context(), sid, []byte("a"), []byte("a"), time.Hour)
			if errors.Is(err, identity.ErrNotFound) {
				err = nil
			}
			done <- err
		}()
	}
	deleted := s.DeleteSession(t.Context(), sid)
	for range 20 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	noError(t, deleted)
	loads(t, s, sid, nil)
}

func testSessionExpires(t *testing.T, s SessionStore) {
	const soon = 20 * time.Millisecond
	gone := func() {
		t.Helper()
		for t.Context().Err() == nil {
			_, err := s.LoadSession(t.Context(), sid)
			if errors.Is(err, identity.ErrNotFound) {
				return
			}
			noError(t, err)
			time.Sleep(time.Millisecond)
		}
	}
	noError(t, s.SaveSession(t.Context(), sid, []byte("a"), soon))
	gone()
	noError(t, s.SaveSession(t.Context(), sid, []byte("a"), time.Hour))
	noError(t, s.ReplaceSession(t.Context(), sid, []byte("a"), []byte("b"), soon))
	gone()
	noError(t, s.SaveSession(t.Context(), sid, []byte("a"), time.Minute))
	noError(t, s.ReplaceSession(t.Context(), sid, []byte("a"), []byte("b"), time.Hour))
	loads(t, s, sid, []byte("b"))
}

func testSessionWithoutEnd(t *testing.T, s SessionStore) {
	for _, ttl := range []time.Duration{0, -1, -time.Hour, time.Microsecond} {
		if err := s.SaveSession(t.Context(), sid, []byte("a"), ttl); identity.CodeOf(err) != identity.CodeInternal {
			t.Errorf("saving for %v gave %v, want %s", ttl, err, identity.CodeInternal)
		}
		loads(t, s, sid, nil)
	}
	noError(t, s.SaveSession(t.Context(), sid, []byte("a"), time.Hour))
	if err := s.ReplaceSession(t.Context(), sid, []byte("a"), []byte("b"), 0); identity.CodeOf(err) != identity.CodeInternal {
		t.Errorf("replacing gave %v, want %s", err, identity.CodeInternal)
	}
	loads(t, s, sid, []byte("a"))
}

func testSessionContext(t *testing.T, s SessionStore) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range SessionCalls(s) {
		if err := call(ctx); identity.CodeOf(err) != identity.CodeUnavailable {
			t.Errorf("%s: got %v, want %s", name, err, identity.CodeUnavailable)
		}
	}
}

// SessionCalls returns a call of every method of the store, by name.
func SessionCalls(s SessionStore) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"LoadSession": func(ctx context.Context) error { _, err := s.LoadSession(ctx, sid); return err },
		"SaveSession": func(ctx context.Context) error { return s.SaveSession(ctx, sid, []byte("a"), time.Hour) },
		"ReplaceSession": func(ctx context.Context) error {
			return s.ReplaceSession(ctx, sid, []byte("a"), []byte("a"), time.Hour)
		},
		"DeleteSession": func(ctx context.Context) error { return s.DeleteSession(ctx, sid) },
	}
}
