package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/github"
)

func init() {
	caddy.RegisterModule(new(GitHub))
}

// GitHub lets people log in with their GitHub account: by a GitHub App or a
// classic OAuth app, at github.com or at a GitHub Enterprise Server.
type GitHub struct {
	ThirdParty

	// What is asked for. Default: read:user user:email.
	Scopes []string `json:"scopes,omitempty"`

	// The address of a GitHub Enterprise Server. Placeholders are expanded.
	// Default: https://github.com.
	URL string `json:"url,omitempty"`

	// The address of its API. Default: https://api.github.com, or `/api/v3` of
	// the server.
	APIURL string `json:"api_url,omitempty"`

	*github.Provider `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*GitHub) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "auth_sidecar.providers.github",
		New: func() caddy.Module { return new(GitHub) },
	}
}

// Provision expands the placeholders and checks the options.
func (g *GitHub) Provision(ctx caddy.Context) error {
	return g.open(g.load(ctx))
}

func (g *GitHub) open(o opening) error {
	options, err := g.resolve(o)
	if err != nil {
		return err
	}
	url, err := o.value("url", g.URL)
	if err != nil {
		return err
	}
	api, err := o.value("api_url", g.APIURL)
	if err != nil {
		return err
	}
	g.Provider, err = github.New(github.Config{
		ClientID: options.clientID, ClientSecret: options.clientSecret,
		CallbackURL: options.callbackURL, CallbackURLs: options.callbackURLs,
		EmailDomains: g.EmailDomains, BindRequired: options.bindRequired, Timeout: options.timeout, Logger: o.logger,
		Scopes: g.Scopes, URL: url, APIURL: api,
	})
	return err
}

// UnmarshalCaddyfile sets up the provider from Caddyfile tokens. Syntax:
//
//	provider <id> [github] {
//		client_id     <id>
//		client_secret <placeholder>
//		callback_url  <url>
//		callback_urls <url...>
//		email_domains <domain...>
//		bind          auto|required
//		timeout       <duration>
//		scopes        <scope...>
//		url           <url>
//		api_url       <url>
//	}
func (g *GitHub) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	return g.unmarshalThirdParty(d, func(option string) (bool, error) {
		switch option {
		case "scopes":
			return true, some(d, &g.Scopes)
		case "url":
			return true, one(d, &g.URL)
		case "api_url":
			return true, one(d, &g.APIURL)
		}
		return false, nil
	}, g.open, "scopes", "url", "api_url")
}

// Interface guards
var (
	_ caddy.Provisioner     = (*GitHub)(nil)
	_ caddyfile.Unmarshaler = (*GitHub)(nil)
	_ identity.Redirector   = (*GitHub)(nil)
)
