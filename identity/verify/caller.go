package verify

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// Method is the kind of credential that proved a caller.
type Method string

// The methods.
const (
	Bearer  Method = "bearer"
	Session Method = "session"
)

// Caller is somebody that a credential proved. It is shared between requests
// and must not be changed.
type Caller struct {
	Claims identity.Claims
	Method Method
	// Authorization is the field value with the client's own bearer token, ""
	// for a session.
	Authorization string
	// BackendID is the backend's own id for the identity, "" if it has none yet.
	BackendID string

	minted atomic.Pointer[minted] // by the Minter that was asked last
}

// In returns the caller as one whom the backend knows by that id.
func (c *Caller) In(backendID string) *Caller {
	if c.BackendID == backendID {
		return c
	}
	return &Caller{Claims: c.Claims, Method: c.Method, Authorization: c.Authorization, BackendID: backendID}
}

// Registered reports whether the caller acts as an actor of the backend.
func (c *Caller) Registered() bool { return c.Claims.ActorID != "" }

// Result is what a request's credentials came to.
type Result struct {
	// Callers are the proven ones in the order in which they count: the
	// session's latest login, its other ones, then the bearer. A browser may be
	// logged in as a customer and as a user at once.
	Callers []*Caller
	// Refused names why a credential that was presented proved nobody; "" when
	// all did, or none was there. Stable reasons for logs.
	Refused string
	// SID is the id of the session that holds, or ""; Session is its record,
	// which must not be changed.
	SID     string
	Session *session.Record
	// Until is when the first of the store's answers that prove the callers is too
	// old to be believed; zero if there are none.
	Until time.Time

	room [2]*Caller // for Callers, so that most requests need no second allocation
}

func newResult() *Result {
	r := new(Result)
	r.Callers = r.room[:0]
	return r
}

// believe says until when one more answer is believed.
func (r *Result) believe(until time.Time) {
	if r.Until.IsZero() || until.Before(r.Until) {
		r.Until = until
	}
}

// Anonymous reports whether nobody was proven.
func (r *Result) Anonymous() bool { return len(r.Callers) == 0 }

// First returns the first caller for which match holds, or nil.
func (r *Result) First(match func(*Caller) bool) *Caller {
	for _, c := range r.Callers {
		if match(c) {
			return c
		}
	}
	return nil
}

// Replaced returns the result with another caller in the place of one of its own.
func (r *Result) Replaced(old, caller *Caller) *Result {
	changed := *r
	changed.Callers = slices.Clone(r.Callers)
	if n := slices.Index(changed.Callers, old); n >= 0 {
		changed.Callers[n] = caller
	}
	return &changed
}

// Without returns the result without the callers that the method proved.
func (r *Result) Without(m Method) *Result {
	rest := *r
	rest.Callers = slices.DeleteFunc(slices.Clone(r.Callers), func(c *Caller) bool { return c.Method == m })
	return &rest
}
