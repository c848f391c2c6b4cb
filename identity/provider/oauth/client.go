package oauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// DefaultTimeout bounds everything that one request of a browser makes the
// sidecar ask a provider.
const DefaultTimeout = 5 * time.Second

// Config is what a Client is made of. All but CallbackURLs, EmailDomains,
// BindRequired and Timeout are required.
type Config struct {
	// ID is the provider's id, for messages.
	ID           string
	ClientID     string
	ClientSecret identity.Secret
	// CallbackURL is the page of the shop to which the browser comes back.
	CallbackURL string
	// CallbackURLs are others that a log-in may ask for; one that ends with `/*`
	// permits what is below.
	CallbackURLs []string
	// EmailDomains: only people whose verified address is in one of them may log
	// in, compared as a whole. None: everybody.
	EmailDomains []string
	// BindRequired: only the very browser that began may finish.
	BindRequired bool
	// Timeout: 0 is DefaultTimeout.
	Timeout time.Duration
	Logger  *slog.Logger
}

// Client is an application as it is registered at a third party (a client of
// RFC 6749). Providers embed it. It is safe for concurrent use.
type Client struct {
	id           string
	clientID     string
	secret       identity.Secret
	callbacks    *Callbacks
	emailDomains []string // in lower case and ASCII
	bindRequired bool
	timeout      time.Duration
	http         *http.Client
}

// New checks the configuration and makes a Client. It does not connect. Errors
// name the option and what it should be.
func New(c Config) (*Client, error) {
	switch {
	case c.Logger == nil:
		return nil, fmt.Errorf("provider %s: a required part is missing: the logger", c.ID)
	case c.ClientID == "":
		return nil, fmt.Errorf("provider %s: client_id is missing: set it to the one that the provider gave the shop", c.ID)
	case odd(c.ClientID):
		return nil, fmt.Errorf("provider %s: client_id holds a character that cannot be part of one: copy it again, without spaces around it", c.ID)
	case c.ClientSecret.Empty():
		return nil, fmt.Errorf("provider %s: client_secret is missing: set it to the one that the provider gave the shop, by {env.*} or {file.*}", c.ID)
	case odd(c.ClientSecret.Reveal()):
		return nil, fmt.Errorf("provider %s: client_secret holds a character that cannot be part of one: see that the file or variable has no space or newline around it", c.ID)
	case c.Timeout < 0:
		return nil, fmt.Errorf("provider %s: timeout must not be negative, got %s: use something like 5s", c.ID, c.Timeout)
	}
	callbacks, err := NewCallbacks(c.CallbackURL, c.CallbackURLs)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", c.ID, err)
	}
	domains, err := parseDomains(c.EmailDomains)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", c.ID, err)
	}
	for _, listed := range callbacks.plain() {
		c.Logger.Warn("a callback URL is plain http: the code that proves a log-in can be read on its way",
			slog.String("provider", c.ID), slog.String("callback_url", listed))
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	return &Client{
		id: c.ID, clientID: c.ClientID, secret: c.ClientSecret, callbacks: callbacks, emailDomains: domains,
		bindRequired: c.BindRequired, timeout: c.Timeout, http: newHTTPClient(),
	}, nil
}

// odd reports whether the text has something other than visible ASCII (RFC 6749,
// appendix A), or whether a space was left around it.
func odd(text string) bool {
	for n := range len(text) {
		if text[n] < ' ' || text[n] > '~' || text[n] == ' ' && (n == 0 || n == len(text)-1) {
			return true
		}
	}
	return false
}

// CheckScopes returns an error if one of them is no scope (RFC 6749, section 3.3).
// A comma could be part of one, but stands there by mistake.
func CheckScopes(scopes []string) error {
	for _, scope := range scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"\,`, r) }) {
			return fmt.Errorf("scopes: %q is no scope: write one per word, without quotes or commas", scope)
		}
	}
	return nil
}

// Flow implements identity.Provider.
func (*Client) Flow() identity.Flow { return identity.FlowRedirect }

// BindRequired implements identity.Redirector.
func (c *Client) BindRequired() bool { return c.bindRequired }

// CallbackURL implements identity.Redirector.
func (c *Client) CallbackURL(asked string) (string, error) { return c.callbacks.Choose(asked) }

// ClientID returns the id of the application.
func (c *Client) ClientID() string { return c.clientID }

// Bounded returns a context that ends with the client's timeout.
func (c *Client) Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.timeout)
}

// Close gives up the connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// ClientAuth says how the client proves to the token endpoint that it is the one
// registered (RFC 6749, section 2.3.1).
type ClientAuth string

// The ways. Never in a URL.
const (
	// Auto takes the way that the provider's discovery document names, Basic if
	// it names both or none (OpenID Connect Discovery, section 3).
	Auto ClientAuth = "auto"
	// Basic sends the secret in the Authorization header.
	Basic ClientAuth = "basic"
	// Post sends it in the body.
	Post ClientAuth = "post"
)

// Valid returns an error if it is none of the ways; "" is Auto.
func (a ClientAuth) Valid() error {
	switch a {
	case "", Auto, Basic, Post:
		return nil
	}
	return errors.New("client_auth: use auto, basic or post")
}
