package session_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// start is when tests begin, a time that no clock rounds.
var start = time.Date(2026, 11, 21, 16, 54, 34, 263_000_000, time.UTC)

// memory is a session.Store that keeps records as long as the clock says, and
// calls before ahead of every operation.
type memory struct {
	clock  *identitytest.Clock
	before func(ctx context.Context, op, sid string) error

	mu      sync.Mutex
	records map[string]stored
	lists   map[string]map[string]identity.SessionEntry
	ops     []string
	// pushed are the sessions that each listing ends; replaced is what the last one
	// took the place of.
	pushed   []string
	replaced string
}

type stored struct {
	data    string
	expires time.Time
}

func (s *memory) begin(ctx context.Context, op, sid string) error {
	s.mu.Lock()
	s.ops = append(s.ops, op)
	s.mu.Unlock()
	if s.before != nil {
		return s.before(ctx, op, sid)
	}
	return nil
}

func (s *memory) get(sid string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record, ok := s.records[sid]
	return record.data, ok && s.clock.Now().Before(record.expires)
}

func (s *memory) put(sid, data string, ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[sid] = stored{data, s.clock.Now().Add(ttl)}
}

func (s *memory) sids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sids []string
	for sid := range s.records {
		sids = append(sids, sid)
	}
	return sids
}

func (s *memory) LoadSession(ctx context.Context, sid string) ([]byte, error) {
	if err := s.begin(ctx, "load", sid); err != nil {
		return nil, err
	}
	data, ok := s.get(sid)
	if !ok {
		return nil, identity.ErrNotFound
	}
	return []byte(data), nil
}

func (s *memory) SaveSession(ctx context.Context, sid string, record []byte, ttl time.Duration) error {
	if err := s.begin(ctx, "save", sid); err != nil {
		return err
	}
	s.put(sid, string(record), ttl)
	return nil
}

func (s *memory) ReplaceSession(ctx context.Context, sid string, was, record []byte, ttl time.Duration) error {
	if err := s.begin(ctx, "replace", sid); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.records[sid]
	if !ok || !s.clock.Now().Before(old.expires) {
		return identity.ErrNotFound
	}
	if old.data != string(was) {
		return identity.ErrStale
	}
	s.records[sid] = stored{string(record), s.clock.Now().Add(ttl)}
	return nil
}

func (s *memory) DeleteSession(ctx context.Context, sid string) error {
	if err := s.begin(ctx, "delete", sid); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.records[sid]; !ok || !s.clock.Now().Before(old.expires) {
		return identity.ErrNotFound
	}
	delete(s.records, sid)
	return nil
}

func (s *memory) ListSession(ctx context.Context, identityID string, e identity.SessionEntry, replaced string) ([]string, error) {
	if err := s.begin(ctx, "list", e.SID); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lists == nil {
		s.lists = make(map[string]map[string]identity.SessionEntry)
	}
	if s.lists[identityID] == nil {
		s.lists[identityID] = make(map[string]identity.SessionEntry)
	}
	s.lists[identityID][e.ID] = e
	s.replaced = replaced
	for _, sid := range s.pushed {
		delete(s.records, sid)
	}
	return s.pushed, nil
}

func (s *memory) SeeSession(ctx context.Context, identityID, publicID string, used, ends time.Time) error {
	if err := s.begin(ctx, "see", ""); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.lists[identityID][publicID]; ok {
		e.UsedAt, e.ExpiresAt = used, ends
		s.lists[identityID][publicID] = e
	}
	return nil
}

func (s *memory) UnlistSessions(ctx context.Context, identityID string, publicIDs ...string) error {
	if err := s.begin(ctx, "unlist", ""); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range publicIDs {
		delete(s.lists[identityID], id)
	}
	return nil
}

func (s *memory) ListedSessions(ctx context.Context, identityID string) ([]identity.SessionEntry, error) {
	if err := s.begin(ctx, "listed", ""); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var listed []identity.SessionEntry
	for _, e := range s.lists[identityID] {
		if record, ok := s.records[e.SID]; ok && s.clock.Now().Before(record.expires) {
			listed = append(listed, e)
		}
	}
	return listed, nil
}

// failing returns a before that makes the operations fail that are named.
func failing(ops ...string) func(context.Context, string, string) error {
	return func(_ context.Context, op, _ string) error {
		if slices.Contains(ops, op) {
			return identity.Unavailable("store_unavailable", errors.New("connection refused"))
		}
		return nil
	}
}

func newManager(t testing.TB, settings session.Settings) (*session.Manager, *memory) {
	t.Helper()
	return newManagerBy(t, session.Config{Settings: settings})
}

// newManagerBy makes a manager of what the configuration says besides.
func newManagerBy(t testing.TB, cfg session.Config) (*session.Manager, *memory) {
	t.Helper()
	c := identitytest.NewClockAt(start)
	store := &memory{clock: c, records: make(map[string]stored)}
	cfg.Secrets, cfg.Store, cfg.Clock = []identity.Secret{identity.NewSecret("session-test-secret")}, store, c.Now
	m, err := session.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m, store
}

// login starts a session and fails the test if it cannot.
func login(t testing.TB, m *session.Manager, oldSID string, claims identity.Claims) session.Started {
	t.Helper()
	started, err := m.Start(t.Context(), oldSID, claims, false)
	if err != nil {
		t.Fatal(err)
	}
	return started
}

// claims are those of a token made ten minutes ago that is good for an hour.
func claims(actorType, actorID string) identity.Claims {
	return identity.Claims{
		ActorID:      actorID,
		ActorType:    actorType,
		IdentityID:   "authid_01M7ZGFXCPEBDV33HJKCJAF3EE",
		Provider:     "emailpass",
		AppMetadata:  identity.Metadata{actorType + "_id": []byte(`"` + actorID + `"`)},
		UserMetadata: []byte("{}"),
		IssuedAt:     start.Add(-10 * time.Minute).Unix(),
		ExpiresAt:    start.Add(50 * time.Minute).Unix(),
	}
}

// actors returns who is logged in, by actor type, as the store tells; nil if nobody is.
func actors(t testing.TB, m *session.Manager, sid string) map[string]string {
	t.Helper()
	record, err := m.Load(t.Context(), sid)
	if errors.Is(err, identity.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]string)
	for actorType, claims := range record.Contexts {
		ids[actorType] = claims.ActorID
	}
	return ids
}

// cookies returns a request header with these Cookie lines.
func cookies(lines ...string) http.Header { return http.Header{"Cookie": lines} }
