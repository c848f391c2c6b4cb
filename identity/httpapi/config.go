package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
)

// Defaults of Config.
const (
	DefaultPrefix  = "/auth"
	DefaultMaxBody = 64 << 10
)

// Service does the work behind the routes; *identity.Service is one.
type Service interface {
	Guard(actorType, provider string) error
	// Known returns the names that may be in logs, "" in place of others.
	Known(actorType, provider string) (knownActorType, knownProvider string)
	Register(ctx context.Context, actorType, provider string, in identity.Input) (identity.Claims, error)
	Authenticate(ctx context.Context, actorType, provider string, in identity.Input) (identity.Login, error)
	Callback(ctx context.Context, actorType, provider string, in identity.Input) (identity.Login, error)
	// AccountOf returns the name by which log-ins to the account are counted, or
	// identity.ErrNotFound.
	AccountOf(ctx context.Context, c identity.Claims) (string, error)
	Refresh(ctx context.Context, old identity.Claims) (identity.Claims, error)
	// Present returns an error with CodeUnauthorized if the claims are of somebody who
	// was deleted at a backend.
	Present(ctx context.Context, c identity.Claims) error
	RequestReset(ctx context.Context, actorType, provider, identifier string, metadata json.RawMessage) error
	Update(ctx context.Context, actorType, provider, token string, in identity.Input) error
	Providers(actorType string) []identity.ProviderInfo
	RemoveProvider(ctx context.Context, c identity.Claims, provider string) (*identity.Claims, error)
	// Current returns the identity of claims that hold.
	Current(ctx context.Context, c identity.Claims) (*identity.Identity, error)
	Revoke(ctx context.Context, id string) error
	RevokeOthers(ctx context.Context, c identity.Claims, keep func(ctx context.Context, fresh identity.Claims, validFrom time.Time) error) error
	CreateUser(ctx context.Context, claims identity.Claims, provider string) (json.RawMessage, error)
}

// Tokens mints and reads access tokens; *token.Ring is one.
type Tokens interface {
	Access(c identity.Claims) (string, error)
	// ParseAccess returns the claims of a token that is genuine and has not
	// expired; nobody was asked whether it was revoked.
	ParseAccess(raw string) (*identity.Claims, error)
	// JWKS returns the public keys as a JSON Web Key Set.
	JWKS() []byte
}

// Sessions keeps people logged in by cookie; *session.Manager is one.
type Sessions interface {
	FromRequest(h http.Header) (sid string, ok bool)
	// Load returns the session, or identity.ErrNotFound.
	Load(ctx context.Context, sid string) (*session.Record, error)
	Start(ctx context.Context, oldSID string, claims identity.Claims, https bool) (session.Started, error)
	Touch(ctx context.Context, sid string, record *session.Record, https bool) (setCookie string, err error)
	End(ctx context.Context, sid string, record *session.Record) error
	// EndAgain makes sure of the end of a session that is not there, or returns
	// identity.ErrNotFound if there is nothing to make sure of, identity.ErrStale if
	// it is there.
	EndAgain(ctx context.Context, sid string) error
	// List returns the identity's sessions of claims issued at validFrom or later.
	List(ctx context.Context, identityID string, validFrom time.Time) ([]identity.SessionEntry, error)
	// EndListed ends one of them by its public id, or returns identity.ErrNotFound.
	EndListed(ctx context.Context, identityID string, validFrom time.Time, publicID string) (sid string, err error)
	// EndAll ends those of a revoked identity, but for one.
	EndAll(ctx context.Context, identityID, except string) (sids []string, err error)
	// Renew makes the identity's claims in a session as good as if they were issued
	// then.
	Renew(ctx context.Context, sid, identityID string, validFrom time.Time, issuedAt int64) error
	ClearCookie() string
	// Browser returns the id that the browser was told to remember, or a new one.
	Browser(h http.Header) identity.Browser
	// BrowserCookie returns the Set-Cookie line that tells it, or "".
	BrowserCookie(b identity.Browser, https bool) string
	// Device returns the id of the browser if the account logged in by it, else "".
	Device(h http.Header, account string) string
	// DeviceCookie returns the Set-Cookie line by which it is known to the account, or "".
	DeviceCookie(h http.Header, account string, https bool) string
}

// Verifier checks bearer tokens; *verify.Verifier is one.
type Verifier interface {
	// VerifyBearer returns the claims of a token that is genuine, not expired,
	// not revoked, and of an identity that the store holds. CodeUnauthorized
	// means no, CodeUnavailable that it cannot be known.
	VerifyBearer(ctx context.Context, raw string) (*identity.Claims, error)
	// ForgetSession drops what a cache holds of a session that changed.
	ForgetSession(sid string)
}

// Config is what a Handler is made of. Service, Tokens, Sessions and Verifier
// are required.
type Config struct {
	// Prefix of the routes, without a slash at its end. Default: /auth.
	Prefix   string
	Service  Service
	Tokens   Tokens
	Sessions Sessions
	Verifier Verifier
	// SessionEnded is told the id of a session that ended, or changed so that what is
	// known of it anywhere is worth nothing. Default: Verifier.ForgetSession.
	SessionEnded func(sid string)
	// Recent tells how old a login is, which linking and removing accounts of third
	// parties depends on. nil: there are no such routes, as without third parties.
	Recent RecentLogins
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
	// Origins whose pages may use the routes. Default: none.
	Origins Origins
	// MaxBody bounds a request body, in bytes. Default: 64 KiB.
	MaxBody int64
	// HTTPS reports whether the client spoke https. Default: whether the
	// connection itself is TLS.
	HTTPS func(*http.Request) bool
	// Backend: a Medusa is behind the sidecar. Those of its routes that are not
	// ours are answered as with their features off.
	Backend bool
	// Logger gets one line per refused request. Default: none.
	Logger *slog.Logger
}

// Handler answers the routes. It is safe for concurrent use.
type Handler struct {
	Config
	prefix      []string
	routes      []route
	jwks        []byte
	crossOrigin *CrossOrigin
}

// New checks the configuration and makes a Handler.
func New(c Config) (*Handler, error) {
	if c.Service == nil || c.Tokens == nil || c.Sessions == nil || c.Verifier == nil {
		return nil, errors.New("authentication routes: a required part is missing")
	}
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.MaxBody < 0 {
		return nil, fmt.Errorf("the largest body must not be negative, got %d bytes", c.MaxBody)
	}
	if c.HTTPS == nil {
		c.HTTPS = func(r *http.Request) bool { return r.TLS != nil }
	}
	if c.SessionEnded == nil {
		c.SessionEnded = c.Verifier.ForgetSession
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if err := CheckPrefix(c.Prefix); err != nil {
		return nil, err
	}
	h := &Handler{Config: c, crossOrigin: NewCrossOrigin(c.Origins)}
	h.prefix, _ = splitPath(c.Prefix) // it was checked
	h.jwks = c.Tokens.JWKS()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(h.jwks, &set); err != nil {
		return nil, fmt.Errorf("reading the public keys: %w", err)
	}
	h.routes = routes(len(set.Keys) > 0, c.Backend, c.Recent != nil)
	return h, nil
}
