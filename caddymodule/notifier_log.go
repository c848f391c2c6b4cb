package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
)

func init() {
	caddy.RegisterModule(new(LogNotifier))
}

// LogNotifier writes password-reset tokens to Caddy's log, where whoever reads
// the log can take over an account: for development only.
type LogNotifier struct {
	// What stands in front of the token in the log, to have a link to click on:
	// `http://localhost:8080/#reset_token=`. Default: nothing.
	Link string `json:"link,omitempty"`

	*notify.Log `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*LogNotifier) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "auth_sidecar.notifiers.log",
		New: func() caddy.Module { return new(LogNotifier) },
	}
}

// Provision sets up the notifier.
func (n *LogNotifier) Provision(ctx caddy.Context) error {
	n.Log = notify.NewLog(ctx.Slogger(), n.Link)
	return nil
}

func (n *LogNotifier) queueName() string { return "log" }

// UnmarshalCaddyfile sets up the notifier from Caddyfile tokens. Syntax:
//
//	notify log {
//		link <url>
//	}
func (n *LogNotifier) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	return eachOption(d, func(option string) error {
		if option == "link" {
			return one(d, &n.Link)
		}
		return unrecognized(d, "link")
	})
}

// Interface guards
var (
	_ caddy.Provisioner     = (*LogNotifier)(nil)
	_ caddyfile.Unmarshaler = (*LogNotifier)(nil)
	_ identity.Notifier     = (*LogNotifier)(nil)
)
