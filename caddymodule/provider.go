package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

func init() {
	caddy.RegisterModule(new(Provider))
}

// Provider verifies a realm's tokens and sessions for Caddy's own
// `authentication` handler, for sites that mix it with other providers. The
// user's id is that of the identity; its metadata are `actor_id`,
// `actor_type`, `provider` and `method`.
//
// Caddy answers 401 with an empty body where nobody was proven. When the store
// cannot be asked the provider itself answers 503, provided that it is the only
// one: Caddy turns every provider's failure into 401 otherwise.
//
// It only verifies: no header is removed, forwarded or added. A session counts
// for the site's own pages and the listed origins alone.
type Provider struct {
	// The realm. Default: `default`.
	Realm string `json:"realm,omitempty"`

	// The origins whose pages may use a visitor's session, as in the handler
	// `auth_sidecar`. Default: none but the site's own.
	CORS []string `json:"cors,omitempty"`

	verifier    *verify.Verifier
	crossOrigin *httpapi.CrossOrigin
}

// CaddyModule returns the Caddy module information.
func (*Provider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.authentication.providers.auth_sidecar",
		New: func() caddy.Module { return new(Provider) },
	}
}

// Provision finds the realm.
func (p *Provider) Provision(ctx caddy.Context) error {
	realm, err := realmFor(ctx, p.Realm)
	if err != nil {
		return err
	}
	p.verifier = realm.verifier
	origins, err := parseOrigins(p.CORS)
	if err != nil {
		return err
	}
	p.crossOrigin = httpapi.NewCrossOrigin(origins)
	return nil
}

// Authenticate implements caddyauth.Authenticator.
func (p *Provider) Authenticate(w http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	result, err := p.verifier.Request(r)
	if err != nil {
		_ = answerUnknown.write(w) // the client is told of err in any case
		return caddyauth.User{}, false, err
	}
	if result, err = sameOrigin(r, result, p.crossOrigin); err != nil {
		return caddyauth.User{}, false, nil // the visitor did not mean it
	}
	caller := chooseCaller(r, result)
	if caller == nil {
		return caddyauth.User{}, false, nil
	}
	return caddyauth.User{
		ID: caller.Claims.IdentityID,
		Metadata: map[string]string{
			"actor_id":   caller.Claims.ActorID,
			"actor_type": caller.Claims.ActorType,
			"provider":   caller.Claims.Provider,
			"method":     string(caller.Method),
		},
	}, true, nil
}

// Interface guards
var (
	_ caddy.Provisioner       = (*Provider)(nil)
	_ caddyauth.Authenticator = (*Provider)(nil)
)
