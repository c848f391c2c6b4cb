package caddymodule

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/dustin/go-humanize"

	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("auth_sidecar", parseHandler)
	httpcaddyfile.RegisterDirectiveOrder("auth_sidecar", httpcaddyfile.Before, "basic_auth")
}

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	auth_sidecar [<matcher>] {
//		realm   <name>
//		dialect v1|v2...
//		exists  on|off
//		prefix  <path>
//		cors    <origin...>
//		link    <actor_type> <method> <path> [<json_path>]
//		unlink  <actor_type> <method> <path>
//		forward bearer|none
//		headers <prefix>|off
//		backend <module> [...] {
//			...
//		}
//		invalid_credentials ignore|reject
//		max_body <size>
//	}
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the directive's name
	return eachOption(d, func(option string) error {
		switch option {
		case "realm":
			return one(d, &h.Realm)
		case "dialect":
			if err := some(d, &h.Dialects); err != nil {
				return err
			}
			return wrap(d, checkDialects(h.Dialects))
		case "exists":
			return oneOf(d, &h.Exists, "on", "off")
		case "prefix":
			if err := one(d, &h.Prefix); err != nil {
				return err
			}
			return wrap(d, httpapi.CheckPrefix(h.Prefix))
		case "cors":
			if err := some(d, &h.CORS); err != nil {
				return err
			}
			_, err := parseOrigins(h.CORS)
			return wrap(d, err)
		case "link":
			return h.unmarshalLink(d)
		case "unlink":
			return h.unmarshalUnlink(d)
		case "forward":
			return oneOf(d, &h.Forward, "bearer", "none")
		case "headers":
			if err := one(d, &h.Headers); err != nil {
				return err
			}
			_, err := newHeaderNames(h.Headers)
			return wrap(d, err)
		case "invalid_credentials":
			return oneOf(d, &h.InvalidCredentials, "ignore", "reject")
		case "backend":
			var module string
			if err := one(d, &module); err != nil {
				return err
			}
			raw, err := guest(d, "auth_sidecar.backends.", "backend", module)
			h.BackendRaw = raw
			return err
		case "max_body":
			return size(d, &h.MaxBody)
		}
		return unrecognized(d, "realm", "dialect", "exists", "prefix", "cors", "link", "unlink", "forward", "headers", "backend", "invalid_credentials", "max_body")
	}, "cors", "link", "unlink")
}

func (h *Handler) unmarshalLink(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) < 3 || len(args) > 4 {
		return d.Err(`write "link <actor_type> <method> <path> [<json_path>]", for example "link customer POST /signup customer.id"`)
	}
	link := Link{ActorType: args[0], Method: strings.ToUpper(args[1]), Path: args[2]}
	if len(args) == 4 {
		link.JSONPath = args[3]
	}
	h.Links = append(h.Links, link)
	_, _, err := compileLinks(h.Links, nil)
	return wrap(d, err)
}

func (h *Handler) unmarshalUnlink(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) != 3 {
		return d.Err(`write "unlink <actor_type> <method> <path>", for example "unlink customer DELETE /customers/*"`)
	}
	h.Unlinks = append(h.Unlinks, Unlink{ActorType: args[0], Method: strings.ToUpper(args[1]), Path: args[2]})
	_, _, err := compileLinks(nil, h.Unlinks)
	return wrap(d, err)
}

// size reads a number of bytes such as 64KiB.
func size(d *caddyfile.Dispenser, value *int64) error {
	option := d.Val()
	var text string
	if err := one(d, &text); err != nil {
		return err
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 || n > 1<<30 {
		return d.Errf("option %q cannot be %q; use a size such as 64KiB, at most 1GiB", option, text)
	}
	*value = int64(n)
	return nil
}

// wrap gives an error file and line.
func wrap(d *caddyfile.Dispenser, err error) error {
	if err == nil {
		return nil
	}
	return d.WrapErr(err)
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Handler)(nil)
