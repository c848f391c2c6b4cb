package caddymodule

import (
	"errors"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/google"
)

func init() {
	caddy.RegisterModule(new(Google))
}

// Google lets people log in with their Google account, if Google verified its
// e-mail address.
type Google struct {
	ThirdParty

	// Where Google is, if not at Google: for tests. All or none.
	Endpoints GoogleEndpoints `json:"endpoints,omitzero"`

	*google.Provider `json:"-"`
}

// GoogleEndpoints are the addresses of something that answers as Google does.
type GoogleEndpoints struct {
	// The `iss` of its ID tokens.
	Issuer string `json:"issuer,omitempty"`
	// The page at which people log in.
	AuthURL string `json:"auth_url,omitempty"`
	// Where a code is exchanged.
	TokenURL string `json:"token_url,omitempty"`
	// Its public keys.
	KeysURL string `json:"keys_url,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Google) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "auth_sidecar.providers.google",
		New: func() caddy.Module { return new(Google) },
	}
}

// Provision expands the placeholders and checks the options.
func (g *Google) Provision(ctx caddy.Context) error {
	if err := g.Endpoints.check(); err != nil {
		return err
	}
	return g.open(g.load(ctx))
}

func (g *Google) open(o opening) error {
	options, err := g.resolve(o)
	if err != nil {
		return err
	}
	var at google.Endpoints
	for _, endpoint := range []struct {
		name, value string
		to          *string
	}{
		{"issuer", g.Endpoints.Issuer, &at.Issuer}, {"auth_url", g.Endpoints.AuthURL, &at.Auth},
		{"token_url", g.Endpoints.TokenURL, &at.Token}, {"keys_url", g.Endpoints.KeysURL, &at.Keys},
	} {
		if *endpoint.to, err = o.value(endpoint.name, endpoint.value); err != nil {
			return err
		}
	}
	g.Provider, err = google.New(google.Config{
		ClientID: options.clientID, ClientSecret: options.clientSecret,
		CallbackURL: options.callbackURL, CallbackURLs: options.callbackURLs,
		EmailDomains: g.EmailDomains, BindRequired: options.bindRequired, Timeout: options.timeout, Logger: o.logger,
		Endpoints: at,
	})
	return err
}

// UnmarshalCaddyfile sets up the provider from Caddyfile tokens. Syntax:
//
//	provider <id> [google] {
//		client_id     <id>
//		client_secret <placeholder>
//		callback_url  <url>
//		callback_urls <url...>
//		email_domains <domain...>
//		bind          auto|required
//		timeout       <duration>
//		endpoints {
//			issuer    <url>
//			auth_url  <url>
//			token_url <url>
//			keys_url  <url>
//		}
//	}
func (g *Google) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	return g.unmarshalThirdParty(d, func(option string) (bool, error) {
		if option != "endpoints" {
			return false, nil
		}
		line := *d
		if err := g.Endpoints.unmarshal(d); err != nil {
			return true, err
		}
		return true, wrap(&line, g.Endpoints.check())
	}, g.open, "endpoints")
}

// check refuses some without the others: the tokens of one would be judged by
// the keys of another.
func (e GoogleEndpoints) check() error {
	some := e != GoogleEndpoints{}
	if some && (e.Issuer == "" || e.AuthURL == "" || e.TokenURL == "" || e.KeysURL == "") {
		return errors.New("endpoints: set issuer, auth_url, token_url and keys_url, or leave all of them out for Google's own")
	}
	return nil
}

func (e *GoogleEndpoints) unmarshal(d *caddyfile.Dispenser) error {
	return eachOption(d, func(option string) error {
		switch option {
		case "issuer":
			return one(d, &e.Issuer)
		case "auth_url":
			return one(d, &e.AuthURL)
		case "token_url":
			return one(d, &e.TokenURL)
		case "keys_url":
			return one(d, &e.KeysURL)
		}
		return unrecognized(d, "issuer", "auth_url", "token_url", "keys_url")
	})
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Google)(nil)
	_ caddyfile.Unmarshaler = (*Google)(nil)
	_ identity.Redirector   = (*Google)(nil)
)
