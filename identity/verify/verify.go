// Package verify answers the question of every proxied request: whom do its
// credentials prove? The answer is yes (a caller), no (a reason), or unknown:
// an error with CodeUnavailable when the store cannot be asked and no fresh
// answer is cached. Unknown is never taken for no.
//
// What the store said is believed for a bounded age. Within it a request costs
// no round trip; beyond it the store is asked again, and if it does not answer
// the age is not stretched.
package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// Tokens checks access tokens; *token.Ring is one.
type Tokens interface {
	// ParseAccess returns the claims of a genuine access token that has not
	// expired. Its failures have CodeUnauthorized.
	ParseAccess(raw string) (*identity.Claims, error)
}

// Identities tells since when the credentials of an identity are good.
type Identities interface {
	// State returns the identity's state, or identity.ErrNotFound.
	State(ctx context.Context, id string) (identity.State, error)
}

// Actors tells whose an actor is; *redisstore.Store does.
type Actors interface {
	// ByActor returns the identity that has the actor, or identity.ErrNotFound.
	ByActor(ctx context.Context, actorType, actorID string) (*identity.Identity, error)
}

// Sessions finds sessions; *session.Manager is one.
type Sessions interface {
	// FromRequest returns the id in the request's session cookie if its
	// signature is good.
	FromRequest(h http.Header) (sid string, ok bool)
	// Presented reports whether there is a cookie of the session's name at all.
	Presented(h http.Header) bool
	// Load returns the session, or identity.ErrNotFound.
	Load(ctx context.Context, sid string) (*session.Record, error)
}

// Config is what a Verifier is made of.
type Config struct {
	Tokens     Tokens
	Identities Identities
	Sessions   Sessions
	// Actors finds the identity for tokens of the older dialect, which name an
	// actor alone. Default: those tokens prove nobody.
	Actors Actors
	// MaxAge bounds how long an answer of the store is believed without asking
	// again. Zero asks every time.
	MaxAge time.Duration
	// Entries bounds each cache. Default: 16384.
	Entries int
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

const bearerPrefix = "Bearer "

// Verifier checks credentials. It is safe for concurrent use.
type Verifier struct {
	Config
	// tokens holds those whose signature was checked. The whole token is the
	// key, so that none is ever taken for another.
	tokens     *lru.Cache[string, *Caller]
	identities *aged[identity.State]
	sessions   *aged[*sessionEntry]
}

// New makes a Verifier.
func New(c Config) (*Verifier, error) {
	if c.Tokens == nil || c.Identities == nil || c.Sessions == nil {
		return nil, errors.New("verifier: a required part is missing")
	}
	if c.MaxAge < 0 {
		return nil, fmt.Errorf("verifier: the cache age must not be negative, got %s", c.MaxAge)
	}
	if c.Entries == 0 {
		c.Entries = 16384
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	v := &Verifier{Config: c}
	var err error
	if v.tokens, err = lru.New[string, *Caller](c.Entries); err != nil {
		return nil, fmt.Errorf("verifier: %w", err)
	}
	if v.identities, err = newAged[identity.State](c.Entries, c.MaxAge); err != nil {
		return nil, fmt.Errorf("verifier: %w", err)
	}
	if v.sessions, err = newAged[*sessionEntry](c.Entries, c.MaxAge); err != nil {
		return nil, fmt.Errorf("verifier: %w", err)
	}
	return v, nil
}

// nobody is the result for requests without credentials.
var nobody = new(Result)

// Request verifies the credentials of a request: its session first, then its
// bearer token, as Medusa does (reference medusa-v2, section 7). The store is not
// asked about a request that has none. The result must not be changed.
func (v *Verifier) Request(r *http.Request) (*Result, error) {
	sid, signed := v.Sessions.FromRequest(r.Header)
	unsigned := !signed && v.Sessions.Presented(r.Header)
	bearer := PresentsBearer(r.Header)
	if !signed && !unsigned && !bearer {
		return nobody, nil
	}
	result := newResult()
	if signed {
		if err := v.session(r.Context(), sid, result); err != nil {
			return nil, err
		}
	}
	if unsigned {
		result.Refused = "session_cookie_invalid"
	}
	if bearer {
		if err := v.bearer(r, result); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func (v *Verifier) session(ctx context.Context, sid string, result *Result) error {
	entry, until, err := v.loadSession(ctx, sid)
	var ended []revocation
	if err == nil {
		ended, err = v.admit(ctx, sid, entry, result)
	}
	if err == nil && len(ended) > 0 {
		// Its owner may have kept it when the others were revoked: since it was cached,
		// or between the two questions.
		result.Callers, result.Refused, result.SID, result.Session = result.room[:0], "", "", nil
		if entry, until, err = v.askSession(ctx, sid, v.Clock(), ended...); err == nil {
			_, err = v.admit(ctx, sid, entry, result)
		}
	}
	if errors.Is(err, identity.ErrNotFound) {
		result.Refused = "session_unknown"
		return nil
	}
	if err != nil {
		return fmt.Errorf("checking a session: %w", err)
	}
	result.believe(until)
	return nil
}

// admit adds the callers whom the session proves to the result. It returns the
// revocations that ended others of them, unless the session was read after all of
// those: it would say the same again.
func (v *Verifier) admit(ctx context.Context, sid string, entry *sessionEntry, result *Result) (ended []revocation, err error) {
	settled := true
	for n := range entry.callers {
		known := entry.callers[n].Load()
		state, until, err := v.check(ctx, known)
		switch identity.CodeOf(err) {
		case "":
			caller := known.In(state.BackendID)
			if caller != known {
				entry.callers[n].Store(caller)
			}
			result.Callers = append(result.Callers, caller)
			result.believe(until)
		case identity.CodeUnauthorized:
			result.Refused = identity.ReasonOf(err)
			if result.Refused == reasonRevoked {
				by := revocation{known.Claims.IdentityID, state.ValidFrom.Unix()}
				ended, settled = append(ended, by), settled && slices.Contains(entry.after, by)
			}
		default:
			return nil, err
		}
	}
	if len(result.Callers) > 0 {
		result.SID, result.Session = sid, entry.record
	}
	if settled {
		return nil, nil
	}
	return ended, nil
}

// check asks whether the caller's identity still stands for him, and returns its
// state, and until when that is believed.
func (v *Verifier) check(ctx context.Context, c *Caller) (identity.State, time.Time, error) {
	state, until, err := v.state(ctx, c.Claims.IdentityID)
	return state, until, refused(c.Claims, state, err)
}

const reasonRevoked = "revoked"

// refused returns why claims do not hold in the light of what the store said.
func refused(c identity.Claims, state identity.State, err error) error {
	if errors.Is(err, identity.ErrNotFound) {
		return &identity.Error{Code: identity.CodeUnauthorized, Reason: "identity_gone", Err: err}
	}
	if err != nil {
		return fmt.Errorf("asking for the state of an identity: %w", err)
	}
	if c.IssuedAt < state.ValidFrom.Unix() {
		return &identity.Error{Code: identity.CodeUnauthorized, Reason: reasonRevoked}
	}
	return nil
}

func (v *Verifier) state(ctx context.Context, id string) (identity.State, time.Time, error) {
	now := v.Clock()
	if state, until, ok := v.identities.get(id, now); ok {
		return state, until, nil
	}
	return v.askState(ctx, id, now)
}

func (v *Verifier) askState(ctx context.Context, id string, now time.Time) (identity.State, time.Time, error) {
	return v.identities.ask(id, now, func() (state identity.State, ends time.Time, err error) {
		state, err = v.Identities.State(ctx, id)
		return state, time.Time{}, err
	})
}

// Forget makes the next request ask the store about the identity again: its
// credentials were revoked.
func (v *Verifier) Forget(id string) { v.identities.remove(id) }

// ForgetSession makes the next request ask the store about the session again.
func (v *Verifier) ForgetSession(sid string) { v.sessions.remove(sid) }

// ForgetAll makes the next requests ask the store again, whatever about: something
// may have been missed.
func (v *Verifier) ForgetAll() {
	v.identities.clear()
	v.sessions.clear()
}
