package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
)

// Config is what a Provider is made of. ID, Issuer, ClientID, ClientSecret,
// CallbackURL and Logger are required.
type Config struct {
	// ID is the provider's id, for messages.
	ID string
	// Issuer is the provider's name for itself, exactly as its discovery document
	// has it. The document is at Issuer + /.well-known/openid-configuration. With a
	// plain http issuer, its endpoints may be plain http as well.
	Issuer       string
	ClientID     string
	ClientSecret identity.Secret
	// CallbackURL is the page of the shop to which the browser comes back;
	// CallbackURLs are others that a log-in may ask for (oauth.NewCallbacks).
	CallbackURL  string
	CallbackURLs []string
	// EmailDomains: only people whose verified address is in one of them may log
	// in. None: everybody.
	EmailDomains []string
	// Scopes: default openid, email, profile. openid must be among them.
	Scopes []string
	// DisplayName is shown on login pages. Default: ID.
	DisplayName string
	// ClientAuth: default oauth.Auto.
	ClientAuth oauth.ClientAuth
	// BindRequired: only the very browser that began may finish.
	BindRequired bool
	// Timeout bounds what one request makes the provider be asked. Default:
	// oauth.DefaultTimeout.
	Timeout time.Duration
	Logger  *slog.Logger
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

// Provider is an OpenID provider. It implements identity.Redirector and is safe
// for concurrent use.
type Provider struct {
	*oauth.Client
	issuer      string
	scopes      []string
	displayName string
	clientAuth  oauth.ClientAuth
	discovery   *cached[*metadata]
	verifier    *Verifier
}

var _ identity.Redirector = (*Provider)(nil)

// New checks the configuration and makes a Provider. It does not connect. Errors
// name the option and what it should be.
func New(c Config) (*Provider, error) {
	client, err := oauth.New(oauth.Config{
		ID: c.ID, ClientID: c.ClientID, ClientSecret: c.ClientSecret, CallbackURL: c.CallbackURL, CallbackURLs: c.CallbackURLs,
		EmailDomains: c.EmailDomains, BindRequired: c.BindRequired, Timeout: c.Timeout, Logger: c.Logger,
	})
	if err != nil {
		return nil, err
	}
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("provider %s: %w", c.ID, err)
	}
	p := &Provider{
		Client: client, issuer: c.Issuer, scopes: c.Scopes, displayName: c.DisplayName, clientAuth: c.ClientAuth,
	}
	p.discovery = newCached(client, c.Clock, p.discover)
	p.verifier = newVerifier(client, c.Clock, []string{c.Issuer}, p.published)
	return p, nil
}

// complete checks what is peculiar to OpenID Connect and sets the defaults.
func (c *Config) complete() error {
	if c.Issuer == "" {
		return errors.New("issuer is missing: set it to the provider's address, like https://login.example/realms/shop")
	}
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Opaque != "":
		return fmt.Errorf("issuer %q is no address: use one like https://login.example/realms/shop", c.Issuer)
	case u.User != nil || strings.ContainsAny(c.Issuer, "?#"):
		return fmt.Errorf("issuer %q must have no user, query or fragment (OpenID Connect Discovery 1.0, section 3)", u.Redacted())
	case strings.HasSuffix(u.Path, "/.well-known/openid-configuration"):
		return fmt.Errorf("issuer %q is the address of the discovery document: leave out /.well-known/openid-configuration", c.Issuer)
	}
	if u.Scheme == "http" {
		c.Logger.Warn("the issuer is plain http: that is for a provider on loopback or a private network only, since whoever is in between can log in as anybody",
			slog.String("provider", c.ID), slog.String("issuer", c.Issuer))
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"openid", "email", "profile"}
	}
	if err := oauth.CheckScopes(c.Scopes); err != nil {
		return err
	}
	if !slices.Contains(c.Scopes, "openid") {
		return errors.New("scopes: add openid, without which the provider does not say who it is")
	}
	if err := c.ClientAuth.Valid(); err != nil {
		return err
	}
	if c.DisplayName == "" {
		c.DisplayName = c.ID
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return nil
}

// DisplayName implements identity.Provider.
func (p *Provider) DisplayName() string { return p.displayName }

// Location implements identity.Redirector.
func (p *Provider) Location(ctx context.Context, state string, a identity.Attempt) (string, error) {
	m, err := p.discovery.usable(ctx)
	if err != nil {
		return "", err
	}
	return p.Client.Location(p.endpoint(m), state, a, true)
}

func (p *Provider) endpoint(m *metadata) oauth.Endpoint {
	e := oauth.Endpoint{Auth: m.AuthURL, Token: m.TokenURL, ClientAuth: p.clientAuth, Scopes: p.scopes}
	if e.ClientAuth == "" || e.ClientAuth == oauth.Auto {
		e.ClientAuth = m.clientAuth
	}
	return e
}
