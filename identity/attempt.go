package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"
)

// AttemptTTL is how long somebody may take at a third party.
const AttemptTTL = 10 * time.Minute

// Attempt is a log-in that continues at a third party, as it is kept until the
// browser comes back.
type Attempt struct {
	Provider  string
	ActorType string
	// Host is the hash of the host that the attempt was begun at.
	Host        string
	CallbackURL string
	Verifier    Secret // of PKCE (RFC 7636)
	Nonce       string // for the ID token to repeat
	// Browser is the hash of what the browser was told to remember; Returned says
	// that it sent it back once, so it will again.
	Browser  string
	Returned bool
	// LinkTo is the id of the identity that is to get the provider; "" for a log-in.
	LinkTo    string
	ExpiresAt time.Time
}

// Attempts keeps what was begun, on all nodes. Its methods may fail with
// CodeUnavailable.
type Attempts interface {
	// KeepAttempt keeps the attempt under the hash of its state until it expires.
	// ErrExists if there is one.
	KeepAttempt(ctx context.Context, hash string, a Attempt) error
	// TakeAttempt returns the attempt and forgets it: of 50 parallel calls one
	// succeeds, the others get ErrNotFound.
	TakeAttempt(ctx context.Context, hash string) (Attempt, error)
}

// Redirector is a Provider that sends the browser to a third party and learns
// from it who that is.
type Redirector interface {
	Provider
	// CallbackURL returns the address to which the third party sends the browser
	// back: the one asked for if that is permitted, the configured one for "".
	// CodeInvalid if it is not permitted.
	CallbackURL(asked string) (string, error)
	// BindRequired: only the very browser that began may finish. Otherwise one
	// that never showed that it keeps cookies may as well.
	BindRequired() bool
	// Location returns the third party's address for the browser.
	Location(ctx context.Context, state string, a Attempt) (string, error)
	// Profile exchanges the code for what the third party says of the person.
	// CodeUnavailable if it could not be asked, CodeUnauthorized if it refuses or
	// if its answer does not prove anybody.
	Profile(ctx context.Context, code string, a Attempt) (Profile, error)
}

// Profile is what a third party says of a person.
type Profile struct {
	// Subject is the third party's own name for the person, which never changes
	// hands: not an e-mail address.
	Subject string
	// UserMetadata is copied into tokens; an object. Fresh: it replaces that of
	// earlier log-ins; otherwise the first one stays.
	UserMetadata json.RawMessage
	Fresh        bool
	// VerifiedEmail is the person's address if the third party verified it, or "".
	VerifiedEmail string
}

// Browser is what tells one browser from another.
type Browser struct {
	// ID is random and known to that browser alone; "" if it has none.
	ID string
	// Returned: the browser sent the ID, rather than being told of it now.
	Returned bool
}

// newState makes a state of 256 bits (reference medusa-v2, section 4).
func newState() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// randomText makes 43 characters of 256 bits: a code verifier (RFC 7636, section
// 4.1) or a nonce.
func randomText() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// textHash keeps a state or the id of a browser itself out of the store, and
// what it takes there short.
func textHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// fits returns the reason why the callback is not the end of the attempt, or "".
func (a Attempt) fits(actorType, provider string, in Input, bindRequired bool, now time.Time) string {
	browser := ""
	if in.Browser.Returned {
		browser = textHash(in.Browser.ID)
	}
	switch {
	case !now.Before(a.ExpiresAt):
		return "state_expired"
	case a.Provider != provider:
		return "state_other_provider"
	case a.ActorType != actorType:
		return "state_other_actor_type"
	case a.Host != textHash(in.Host):
		return "state_other_host"
	case browser == "" && (bindRequired || a.Returned):
		return "browser_unknown"
	case browser != "" && subtle.ConstantTimeCompare([]byte(browser), []byte(a.Browser)) != 1:
		return "browser_other"
	}
	return ""
}
