package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oauth"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/oidc"
)

func init() {
	caddy.RegisterModule(new(OIDC))
}

// OIDC lets people log in at an OpenID Connect provider: Keycloak, Auth0, Apple,
// Entra and others. There may be several, each with an id of its own.
type OIDC struct {
	ThirdParty

	// The provider's issuer, exactly as its ID tokens name it; what else there is
	// to know is found below it at `/.well-known/openid-configuration`, at the
	// first log-in. Placeholders are expanded. Required.
	Issuer string `json:"issuer,omitempty"`

	// What is asked for. Default: openid email profile.
	Scopes []string `json:"scopes,omitempty"`

	// What login pages call the provider. Default: the provider's id.
	Title string `json:"display_name,omitempty"`

	// How the client secret is sent: `basic`, in a header, `post`, in the body, or
	// `auto`, as the provider says it takes it. Default: auto.
	ClientAuth string `json:"client_auth,omitempty"`

	*oidc.Provider `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*OIDC) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "auth_sidecar.providers.oidc",
		New: func() caddy.Module { return new(OIDC) },
	}
}

// Provision expands the placeholders and checks the options.
func (o *OIDC) Provision(ctx caddy.Context) error {
	return o.open(o.load(ctx))
}

func (o *OIDC) open(at opening) error {
	options, err := o.resolve(at)
	if err != nil {
		return err
	}
	issuer, err := at.value("issuer", o.Issuer)
	if err != nil {
		return err
	}
	o.Provider, err = oidc.New(oidc.Config{
		ID: at.id, ClientID: options.clientID, ClientSecret: options.clientSecret,
		CallbackURL: options.callbackURL, CallbackURLs: options.callbackURLs,
		EmailDomains: o.EmailDomains, BindRequired: options.bindRequired, Timeout: options.timeout, Logger: at.logger,
		Issuer: issuer, Scopes: o.Scopes, DisplayName: o.Title, ClientAuth: oauth.ClientAuth(o.ClientAuth),
	})
	return err
}

// UnmarshalCaddyfile sets up the provider from Caddyfile tokens. Syntax:
//
//	provider <id> oidc {
//		issuer        <url>
//		client_id     <id>
//		client_secret <placeholder>
//		client_auth   auto|basic|post
//		callback_url  <url>
//		callback_urls <url...>
//		email_domains <domain...>
//		bind          auto|required
//		timeout       <duration>
//		scopes        <scope...>
//		display_name  <text>
//	}
func (o *OIDC) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	return o.unmarshalThirdParty(d, func(option string) (bool, error) {
		switch option {
		case "issuer":
			return true, one(d, &o.Issuer)
		case "scopes":
			return true, some(d, &o.Scopes)
		case "display_name":
			return true, one(d, &o.Title)
		case "client_auth":
			return true, oneOf(d, &o.ClientAuth, "auto", "basic", "post")
		}
		return false, nil
	}, o.open, "issuer", "scopes", "display_name", "client_auth")
}

// Interface guards
var (
	_ caddy.Provisioner     = (*OIDC)(nil)
	_ caddyfile.Unmarshaler = (*OIDC)(nil)
	_ identity.Redirector   = (*OIDC)(nil)
)
