// Package github logs people in with their accounts at GitHub or at a GitHub
// Enterprise Server. GitHub is no OpenID provider: who it is, and by which
// addresses they can be reached, is asked by API. Classic OAuth apps, whose
// tokens do not expire, work as well as GitHub Apps. The tokens are not kept.
package github

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

// Config is what a Provider is made of. ClientID, ClientSecret, CallbackURL and
// Logger are required.
type Config struct {
	ClientID     string
	ClientSecret identity.Secret
	// CallbackURL is the page of the shop to which the browser comes back;
	// CallbackURLs are others that a log-in may ask for (oauth.NewCallbacks).
	CallbackURL  string
	CallbackURLs []string
	// EmailDomains: only people whose verified address is in one of them may log
	// in. None: everybody. Of the addresses, the primary one counts.
	EmailDomains []string
	// Scopes: default read:user, user:email. Without the latter no address counts
	// as verified.
	Scopes []string
	// BindRequired: only the very browser that began may finish.
	BindRequired bool
	// Timeout bounds what one request makes GitHub be asked. Default:
	// oauth.DefaultTimeout.
	Timeout time.Duration
	Logger  *slog.Logger
	// URL is where people log in. Default: https://github.com; else that of a
	// GitHub Enterprise Server.
	URL string
	// APIURL is where the API is. Default: https://api.github.com, or URL +
	// /api/v3.
	APIURL string
}

const (
	gitHub    = "https://github.com"
	gitHubAPI = "https://api.github.com"
)

// Provider is GitHub. It implements identity.Redirector and is safe for
// concurrent use.
type Provider struct {
	*oauth.Client
	endpoint oauth.Endpoint
	api      string
}

var _ identity.Redirector = (*Provider)(nil)

// New checks the configuration and makes a Provider. It does not connect. Errors
// name the option and what it should be.
func New(c Config) (*Provider, error) {
	client, err := oauth.New(oauth.Config{
		ID: "github", ClientID: c.ClientID, ClientSecret: c.ClientSecret, CallbackURL: c.CallbackURL, CallbackURLs: c.CallbackURLs,
		EmailDomains: c.EmailDomains, BindRequired: c.BindRequired, Timeout: c.Timeout, Logger: c.Logger,
	})
	if err != nil {
		return nil, err
	}
	if c.URL, err = c.base("url", c.URL, gitHub); err != nil {
		return nil, err
	}
	api := gitHubAPI
	if c.URL != gitHub {
		api = c.URL + "/api/v3"
	}
	if c.APIURL, err = c.base("api_url", c.APIURL, api); err != nil {
		return nil, err
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"read:user", "user:email"}
	}
	if err := oauth.CheckScopes(c.Scopes); err != nil {
		return nil, fmt.Errorf("provider github: %w", err)
	}
	return &Provider{
		Client: client, api: c.APIURL,
		endpoint: oauth.Endpoint{
			Auth: c.URL + "/login/oauth/authorize", Token: c.URL + "/login/oauth/access_token",
			ClientAuth: oauth.Post, Scopes: c.Scopes, // its documentation knows no other way
		},
	}, nil
}

// base returns the address, or the default for "", without a slash at its end.
func (c *Config) base(option, address, standard string) (string, error) {
	if address == "" {
		return standard, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.ContainsAny(address, "?#") {
		return "", fmt.Errorf("provider github: %s must be an address like %s, without user, query and fragment: leave it out for GitHub's own", option, standard)
	}
	if u.Scheme == "http" {
		c.Logger.Warn("an address of GitHub is plain http: that is for loopback or a private network only, since whoever is in between can log in as anybody",
			slog.String("provider", "github"), slog.String(option, address))
	}
	return strings.TrimRight(address, "/"), nil
}

// DisplayName implements identity.Provider. It is the name that Medusa has.
func (*Provider) DisplayName() string { return "Github Authentication" }

// Location implements identity.Redirector.
func (p *Provider) Location(_ context.Context, state string, a identity.Attempt) (string, error) {
	return p.Client.Location(p.endpoint, state, a, false)
}
