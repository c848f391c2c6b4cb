package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Store keeps records under session ids. A store that cannot be asked answers
// with identity.CodeUnavailable, which the Manager passes on.
type Store interface {
	// LoadSession returns the record, or identity.ErrNotFound.
	LoadSession(ctx context.Context, sid string) ([]byte, error)
	// SaveSession writes the record for that long.
	SaveSession(ctx context.Context, sid string, record []byte, ttl time.Duration) error
	// ReplaceSession does the same in place of the record old: it fails, in one
	// atomic step, with identity.ErrNotFound if there is none and with
	// identity.ErrStale if it is another one.
	ReplaceSession(ctx context.Context, sid string, old, record []byte, ttl time.Duration) error
	// DeleteSession removes the record, or fails with identity.ErrNotFound if there
	// is none: of several callers one alone removes it.
	DeleteSession(ctx context.Context, sid string) error

	// ListSession puts a session on the list of an identity's sessions, or fails with
	// identity.ErrNotFound if there is no such identity. It ends those that are too many
	// then, and returns their ids in the cookie, whatever the error is. The session
	// whose public id is replaced, unless "", is about to end: it does not count.
	ListSession(ctx context.Context, identityID string, e identity.SessionEntry, replaced string) (ended []string, err error)
	// SeeSession notes that a listed session was used at that time and when it ends
	// now. It is no error if it is not on the list.
	SeeSession(ctx context.Context, identityID, publicID string, used, ends time.Time) error
	// UnlistSessions takes sessions off the list.
	UnlistSessions(ctx context.Context, identityID string, publicIDs ...string) error
	// ListedSessions returns the sessions on the list that have a record, in no order.
	ListedSessions(ctx context.Context, identityID string) ([]identity.SessionEntry, error)
}

// Config is what a Manager is made of. Secrets and Store are required.
type Config struct {
	Settings
	// Secrets sign the cookies: the first signs, all verify.
	Secrets []identity.Secret
	Store   Store
	// Waits says that the Store waits for replicas: it may fail to end a session with
	// identity.CodeUnavailable and have ended it, until a failover brings it back.
	Waits bool
	// Ended is told the ids of sessions that end because their identity has too many.
	// It must not block. Default: nobody is told.
	Ended func(sid string)
	// Clock returns the time. Default: time.Now.
	Clock func() time.Time
	// Rand is the source of session ids; it must be safe for concurrent use.
	// Default: crypto/rand.
	Rand io.Reader
}

// Manager starts, finds and ends sessions. It is safe for concurrent use.
type Manager struct {
	cfg     Config
	signer  *signer
	browser string // name of the browser's cookie
	seen    *lru.Cache[string, time.Time]
	uses    chan use
	devices *deviceSigner
	device  string // name of the device's cookie
}

// NewManager returns a Manager, or every reason why cfg is not usable.
func NewManager(cfg Config) (*Manager, error) {
	s, err := newSigner(cfg.Secrets)
	if err = errors.Join(err, cfg.Validate()); err != nil {
		return nil, err
	}
	if cfg.Store == nil {
		return nil, errors.New("store is missing")
	}
	cfg.Settings = cfg.withDefaults()
	devices := newDeviceSigner(cfg.Secrets)
	cfg.Secrets = nil // they live in the signers
	if cfg.Ended == nil {
		cfg.Ended = func(string) {}
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	seen, err := lru.New[string, time.Time](usedEntries)
	if err != nil {
		return nil, err
	}
	return &Manager{
		cfg: cfg, signer: s, browser: cfg.Name + browserSuffix, devices: devices, device: cfg.Name + deviceSuffix,
		seen: seen, uses: make(chan use, usedQueue),
	}, nil
}

// FromRequest returns the session id of the request's cookie. It reads as
// Node does (the first cookie of the name, quoted or not, percent-encoded or
// not) and takes ids that we signed, whether or not such a session exists.
func (m *Manager) FromRequest(h http.Header) (sid string, ok bool) {
	value, _ := find(h["Cookie"], m.cfg.Name)
	return m.signer.verify(value)
}

// Presented reports whether the request has a cookie of the session's name,
// good or not.
func (m *Manager) Presented(h http.Header) bool {
	_, ok := find(h["Cookie"], m.cfg.Name)
	return ok
}

// Cut removes the session cookie, the browser's and the device's, valid or not, from
// a request that goes to a backend, and leaves all other cookies as they are. The header
// may share memory with another request's.
func (m *Manager) Cut(h http.Header) {
	cut(h, m.cfg.Name)
	cut(h, m.browser)
	cut(h, m.device)
}

// ClearCookie returns the Set-Cookie line that deletes the cookie.
func (m *Manager) ClearCookie() string { return m.cfg.clear() }

// Load returns the record of a session. It fails with identity.ErrNotFound if
// there is none, if it is corrupt (then also ErrCorrupt), if it is past its own
// end or the maximum age, or if nobody is logged in by it any more. The end of
// the claims, `exp`, does not matter.
//
// The session counts as used.
func (m *Manager) Load(ctx context.Context, sid string) (*Record, error) {
	record, _, err := m.load(ctx, sid)
	if err == nil {
		m.used(sid, record)
	}
	return record, err
}

// load returns the record and its bytes in the store.
func (m *Manager) load(ctx context.Context, sid string) (*Record, []byte, error) {
	data, err := m.cfg.Store.LoadSession(ctx, sid)
	if err != nil {
		return nil, nil, fmt.Errorf("loading a session: %w", err)
	}
	record, err := Decode(data)
	if err != nil {
		return nil, nil, fmt.Errorf("loading a session: %w: %w", identity.ErrNotFound, err)
	}
	now := m.cfg.Clock()
	if end := record.Cookie.Expires; !end.IsZero() && !now.Before(end.Time) {
		return nil, nil, fmt.Errorf("loading a session: %w: expired", identity.ErrNotFound)
	}
	m.prune(record, now)
	if len(record.Contexts) == 0 {
		return nil, nil, fmt.Errorf("loading a session: %w: no valid context", identity.ErrNotFound)
	}
	return record, data, nil
}

// prune removes the contexts that are past their age. If the latest login is among
// them, the latest of the others takes its place.
func (m *Manager) prune(record *Record, now time.Time) {
	for actorType := range record.Contexts {
		age := now.Sub(record.since(actorType))
		_, carried := record.Carried[actorType]
		// A login of another type must not prolong this one, or whoever stole a
		// session could keep it for ever by logging in as a customer of their own.
		old := carried && !m.cfg.Rolling && age >= m.cfg.TTL
		if old || m.cfg.MaxAge > 0 && age >= m.cfg.MaxAge {
			delete(record.Contexts, actorType)
			delete(record.Carried, actorType)
		}
	}
	if _, in := record.Contexts[record.Latest]; !in && len(record.Contexts) > 0 {
		rest := record.without(record.Latest)
		rest.Cookie = record.Cookie
		*record = *rest
	}
}

// End ends the session, of which record is what was loaded, or nil. It is no error
// if it had ended before.
func (m *Manager) End(ctx context.Context, sid string, record *Record) error {
	if err := m.cfg.Store.DeleteSession(ctx, sid); err != nil && !errors.Is(err, identity.ErrNotFound) {
		return fmt.Errorf("ending a session: %w", err)
	}
	m.unlist(ctx, sid, record)
	return nil
}

// EndAgain makes sure of the end of a session that is not there, for somebody who
// was not told whether it has ended. It fails with identity.ErrNotFound if there is
// nothing to make sure of, since the Store does not wait, and with identity.ErrStale if
// the session is there: whoever saw that it was not met a failover.
func (m *Manager) EndAgain(ctx context.Context, sid string) error {
	if !m.cfg.Waits {
		return identity.ErrNotFound
	}
	_, _, err := m.load(ctx, sid)
	if err == nil {
		return fmt.Errorf("ending a session again: %w: it has not ended", identity.ErrStale)
	}
	if !errors.Is(err, identity.ErrNotFound) {
		return fmt.Errorf("ending a session again: %w", err)
	}
	return m.End(ctx, sid, nil)
}

// setCookie returns the Set-Cookie line, or "" if it must not be sent.
func (m *Manager) setCookie(sid string, c Cookie, https bool) string {
	if c.Secure && !https {
		return ""
	}
	return c.header(m.cfg.Name, m.signer.sign(sid))
}

// expires returns the end of a session that is used now.
func (m *Manager) expires(now, created time.Time) time.Time {
	end := now.Add(m.cfg.TTL)
	if m.cfg.MaxAge > 0 && created.Add(m.cfg.MaxAge).Before(end) {
		end = created.Add(m.cfg.MaxAge)
	}
	return end
}

// now returns the time as records can hold it.
func (m *Manager) now() time.Time { return m.cfg.Clock().UTC().Truncate(time.Millisecond) }
