package demo

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("auth_sidecar_demo", parseDirective)
	// A backend stands where respond or reverse_proxy would; a storefront
	// passes on to a reverse_proxy.
	httpcaddyfile.RegisterDirectiveOrder("auth_sidecar_demo", httpcaddyfile.Before, "respond")
}

func parseDirective(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	auth_sidecar_demo [<matcher>] [storefront|medusa|legacy|openid] {
//		name       <shop>
//		jwt_secret <placeholder>
//		issuer     <url>
//		client     <id> <secret> <redirect_uri>
//	}
//
// The kind defaults to storefront. jwt_secret is `{env.NAME}` or `{file.PATH}`
// and belongs to medusa alone; name belongs to the two backends, issuer and
// client to openid.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume directive name
	if d.NextArg() {
		h.Kind = d.Val()
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		option := d.Val()
		if seen[option] {
			return d.Errf("duplicate option %q", option)
		}
		seen[option] = true
		switch option {
		case "name":
			if !d.AllArgs(&h.Name) {
				return d.ArgErr()
			}
		case "jwt_secret":
			if !d.AllArgs(&h.JWTSecret) {
				return d.ArgErr()
			}
		case "issuer":
			if !d.AllArgs(&h.Issuer) {
				return d.ArgErr()
			}
		case "client":
			h.Client = new(Client)
			if !d.AllArgs(&h.Client.ID, &h.Client.Secret, &h.Client.RedirectURI) {
				return d.ArgErr()
			}
		default:
			return d.Errf("unrecognized subdirective %q", option)
		}
	}
	if err := h.check(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

var _ caddyfile.Unmarshaler = (*Handler)(nil)
