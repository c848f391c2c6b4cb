// Package google logs people in with their Google accounts: OpenID Connect at
// endpoints that are known without discovery, answering as Medusa's own provider
// does (reference medusa-v2, section 4), with PKCE and a nonce.
package google

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oidc"
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
	// in. None: everybody.
	EmailDomains []string
	// BindRequired: only the very browser that began may finish.
	BindRequired bool
	// Timeout bounds what one request makes Google be asked. Default:
	// oauth.DefaultTimeout.
	Timeout time.Duration
	Logger  *slog.Logger
	// Endpoints are for tests. Default: Google's.
	Endpoints Endpoints
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

// Endpoints are where Google is. Those that are "" are Google's own.
type Endpoints struct {
	Issuer, Auth, Token, Keys string
}

// Google's own endpoints, as its discovery document has them.
var googles = Endpoints{
	Issuer: "https://accounts.google.com",
	Auth:   "https://accounts.google.com/o/oauth2/v2/auth",
	Token:  "https://oauth2.googleapis.com/token",
	Keys:   "https://www.googleapis.com/oauth2/v3/certs",
}

// complete checks what is overridden and sets the rest.
func (e *Endpoints) complete() error {
	for _, part := range []struct {
		name  string
		value *string
		own   string
	}{
		{"issuer", &e.Issuer, googles.Issuer}, {"auth", &e.Auth, googles.Auth},
		{"token", &e.Token, googles.Token}, {"keys", &e.Keys, googles.Keys},
	} {
		if *part.value == "" {
			*part.value = part.own
			continue
		}
		u, err := url.Parse(*part.value)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" {
			return fmt.Errorf("the %s endpoint must be an address like %s, without user and fragment: leave it out for Google's own", part.name, part.own)
		}
	}
	return nil
}

// Provider is Google. It implements identity.Redirector and is safe for
// concurrent use.
type Provider struct {
	*oauth.Client
	endpoint oauth.Endpoint
	issuers  []string
	verifier *oidc.Verifier
}

var _ identity.Redirector = (*Provider)(nil)

// New checks the configuration and makes a Provider. It does not connect. Errors
// name the option and what it should be.
func New(c Config) (*Provider, error) {
	client, err := oauth.New(oauth.Config{
		ID: "google", ClientID: c.ClientID, ClientSecret: c.ClientSecret, CallbackURL: c.CallbackURL, CallbackURLs: c.CallbackURLs,
		EmailDomains: c.EmailDomains, BindRequired: c.BindRequired, Timeout: c.Timeout, Logger: c.Logger,
	})
	if err != nil {
		return nil, err
	}
	if err := c.Endpoints.complete(); err != nil {
		return nil, fmt.Errorf("provider google: %w", err)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	// Google may leave the scheme out ("Validating an ID token").
	issuers := []string{c.Endpoints.Issuer, strings.TrimPrefix(c.Endpoints.Issuer, "https://")}
	return &Provider{
		Client: client, issuers: issuers,
		endpoint: oauth.Endpoint{
			Auth: c.Endpoints.Auth, Token: c.Endpoints.Token, ClientAuth: oauth.Post, Scopes: []string{"email", "profile", "openid"},
		},
		verifier: oidc.NewVerifier(client, c.Clock, issuers, c.Endpoints.Keys),
	}, nil
}

// DisplayName implements identity.Provider. It is the name that Medusa has.
func (*Provider) DisplayName() string { return "Google Authentication" }

// Location implements identity.Redirector.
func (p *Provider) Location(_ context.Context, state string, a identity.Attempt) (string, error) {
	return p.Client.Location(p.endpoint, state, a, true)
}

// Profile implements identity.Redirector.
func (p *Provider) Profile(ctx context.Context, code string, a identity.Attempt) (identity.Profile, error) {
	ctx, cancel := p.Bounded(ctx)
	defer cancel()
	token, err := p.Exchange(ctx, p.endpoint, code, a)
	if err != nil {
		return identity.Profile{}, err
	}
	raw, _ := token.Extra("id_token").(string)
	claims, err := p.verifier.Verify(ctx, raw, token.AccessToken, a.Nonce)
	if err != nil {
		return identity.Profile{}, p.worded(err)
	}
	if !claims.EmailVerified() {
		return identity.Profile{}, &identity.Error{
			Code: identity.CodeUnauthorized, Reason: "email_unverified", Message: "Email not verified, cannot proceed with authentication",
		}
	}
	verified := claims.VerifiedEmail()
	if err := p.AdmitEmail(verified); err != nil { // hd says who manages the account, not whose address it has
		return identity.Profile{}, err
	}
	return identity.Profile{Subject: claims.Text("sub"), UserMetadata: claims.UserMetadata(), VerifiedEmail: verified}, nil
}

// worded says it as Medusa does, whose words are those of jsonwebtoken.
func (p *Provider) worded(err error) error {
	refusal, ok := errors.AsType[*identity.Error](err)
	if !ok || refusal.Code != identity.CodeUnauthorized {
		return err
	}
	said := map[string]string{
		"id_token_malformed": "jwt malformed",
		"id_token_algorithm": "invalid algorithm",
		"id_token_key":       "no key for it is published",
		"id_token_signature": "invalid signature",
		"id_token_issuer":    "jwt issuer invalid. expected: " + strings.Join(p.issuers, ","),
		"id_token_audience":  "jwt audience invalid. expected: " + p.ClientID(),
		"id_token_azp":       "jwt azp invalid. expected: " + p.ClientID(),
		"id_token_expired":   "jwt expired",
		"id_token_issued_at": "jwt iat missing",
		"id_token_future":    "jwt not active",
		"id_token_old":       "maxAge exceeded",
		"id_token_nonce":     "nonce invalid",
		"id_token_at_hash":   "at_hash invalid",
	}
	worded := *refusal
	if text := said[refusal.Reason]; text != "" {
		worded.Message = "Could not verify Google id_token: " + text
	}
	if refusal.Reason == "id_token_subject" {
		worded.Message = "id_token is missing 'sub' claim"
	}
	return &worded
}
