package dialectv1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// Defaults of Config: the lives of Medusa's own tokens.
const (
	DefaultCustomerTTL = 30 * 24 * time.Hour
	DefaultUserTTL     = 24 * time.Hour
)

// Service does the work behind the routes; *identity.Service is one.
type Service interface {
	SignUp(ctx context.Context, in identity.Input, profile json.RawMessage) (identity.Claims, json.RawMessage, error)
	SignIn(ctx context.Context, actorType string, in identity.Input) (identity.Claims, error)
	Account(ctx context.Context, c identity.Claims) (*identity.Identity, json.RawMessage, error)
	HasAccount(ctx context.Context, actorType, address string) (bool, error)
	// AccountOf returns the name by which log-ins to the account are counted, or
	// identity.ErrNotFound.
	AccountOf(ctx context.Context, c identity.Claims) (string, error)
	RequestReset(ctx context.Context, actorType, provider, identifier string, metadata json.RawMessage) error
	ResetPassword(ctx context.Context, actorType, address, token string, in identity.Input) (identity.Claims, error)
}

// Tokens mints access tokens of the dialect; token.V1 does.
type Tokens interface {
	Access(c identity.Claims) (string, error)
}

// Sessions keeps people logged in by cookie; *session.Manager is one.
type Sessions interface {
	FromRequest(h http.Header) (sid string, ok bool)
	Start(ctx context.Context, oldSID string, claims identity.Claims, https bool) (session.Started, error)
	Touch(ctx context.Context, sid string, record *session.Record, https bool) (setCookie string, err error)
	// Device returns the id of the browser if the account logged in by it, else "".
	Device(h http.Header, account string) string
	// DeviceCookie returns the Set-Cookie line by which it is known to the account, or "".
	DeviceCookie(h http.Header, account string, https bool) string
	Leave(ctx context.Context, sid, actorType string, https bool) (setCookie string, err error)
	// EndAgain makes sure of the end of a session that is not there, or returns
	// identity.ErrNotFound if there is nothing to make sure of, identity.ErrStale if
	// it is there.
	EndAgain(ctx context.Context, sid string) error
	ClearCookie() string
}

// Verifier checks the credentials of a request; *verify.Verifier is one.
type Verifier interface {
	// Request returns whom they prove. CodeUnavailable: that cannot be known.
	Request(r *http.Request) (*verify.Result, error)
	// ForgetSession drops what a cache holds of a session that changed.
	ForgetSession(sid string)
}

// Config is what a Handler is made of. Service, Tokens, Sessions and Verifier are
// required.
type Config struct {
	Service  Service
	Tokens   Tokens
	Sessions Sessions
	Verifier Verifier
	// SessionEnded is told the id of a session that ended. Default:
	// Verifier.ForgetSession.
	SessionEnded func(sid string)
	// Origins whose pages may use the routes. Default: none.
	Origins httpapi.Origins
	// MaxBody bounds a request body, in bytes. Default: httpapi.DefaultMaxBody.
	MaxBody int64
	// CustomerTTL and UserTTL are the lives of tokens. Default: 30 days and 24
	// hours.
	CustomerTTL, UserTTL time.Duration
	// Both: the newer dialect is served as well, whose own POST /store/customers is
	// for the backend. One that brings a bearer token or no password is left to it.
	Both bool
	// Legacy: a Medusa v1 is behind the sidecar. GET /admin/auth with one of its API
	// tokens, and nothing else, is left to it.
	Legacy bool
	// NoExists closes GET /store/auth/{email}, which tells anybody whether an address
	// has an account: it is 404 then.
	NoExists bool
	// HTTPS reports whether the client spoke https. Default: whether the connection
	// itself is TLS.
	HTTPS func(*http.Request) bool
	// Logger gets one line per refused request. Default: none.
	Logger *slog.Logger
}

// Handler answers the routes. It is safe for concurrent use.
type Handler struct {
	Config
	crossOrigin *httpapi.CrossOrigin
}

// New checks the configuration and makes a Handler.
func New(c Config) (*Handler, error) {
	if c.Service == nil || c.Tokens == nil || c.Sessions == nil || c.Verifier == nil {
		return nil, errors.New("routes of the older dialect: a required part is missing")
	}
	if c.SessionEnded == nil {
		c.SessionEnded = c.Verifier.ForgetSession
	}
	if c.MaxBody == 0 {
		c.MaxBody = httpapi.DefaultMaxBody
	}
	if c.CustomerTTL == 0 {
		c.CustomerTTL = DefaultCustomerTTL
	}
	if c.UserTTL == 0 {
		c.UserTTL = DefaultUserTTL
	}
	if c.MaxBody < 0 || c.CustomerTTL < 0 || c.UserTTL < 0 {
		return nil, fmt.Errorf("routes of the older dialect: the largest body (%d bytes) and the lives of tokens (%s, %s) must not be negative", c.MaxBody, c.CustomerTTL, c.UserTTL)
	}
	if c.HTTPS == nil {
		c.HTTPS = func(r *http.Request) bool { return r.TLS != nil }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Handler{Config: c, crossOrigin: httpapi.NewCrossOrigin(c.Origins)}, nil
}
