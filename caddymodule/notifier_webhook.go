package caddymodule

import (
	"errors"
	"net/url"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
)

func init() {
	caddy.RegisterModule(new(WebhookNotifier))
}

// WebhookNotifier posts notifications to a receiver, signed as Standard
// Webhooks asks, and repeats them until the receiver answers 2xx or the token
// has expired. What was accepted survives a restart.
type WebhookNotifier struct {
	// The receiver's address. Placeholders are expanded.
	URL string `json:"url,omitempty"`

	// What signs the requests: `whsec_` and base64, or the key itself, at least
	// 24 bytes. Placeholders such as `{env.WEBHOOK_SECRET}`. Each of several
	// secrets makes a signature, so that one can be replaced.
	Secrets []string `json:"secrets,omitempty"`

	// How long one request may take. Default: 5s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	*notify.Webhook `json:"-"`

	name string
}

// CaddyModule returns the Caddy module information.
func (*WebhookNotifier) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "auth_sidecar.notifiers.webhook",
		New: func() caddy.Module { return new(WebhookNotifier) },
	}
}

// Provision resolves the placeholders and sets up the notifier.
func (n *WebhookNotifier) Provision(ctx caddy.Context) error {
	if n.URL == "" {
		return errors.New(`webhook: no URL: write "notify webhook <url>"`)
	}
	address, err := resolveSecret("webhook URL", n.URL) // may hold a password
	if err != nil {
		return err
	}
	warnPassword(ctx.Logger(), "webhook URL", n.URL)
	config := notify.WebhookConfig{URL: address.Reveal(), Timeout: time.Duration(n.Timeout)}
	for _, value := range n.Secrets {
		secret, err := resolveSecret("webhook secret", value)
		if err != nil {
			return err
		}
		warnLiteral(ctx.Logger(), "webhook secret", value)
		config.Secrets = append(config.Secrets, secret)
	}
	n.name = "webhook." + fingerprint(withoutUser(address.Reveal()))[:12]
	n.Webhook, err = notify.NewWebhook(config)
	return err
}

// withoutUser takes user name and password out of a URL: a new password does
// not make another receiver.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address // refused by NewWebhook
	}
	u.User = nil
	return u.String()
}

// Cleanup closes the connections that are kept open to the receiver.
func (n *WebhookNotifier) Cleanup() error {
	if n.Webhook == nil {
		return nil
	}
	return n.Webhook.Close()
}

func (n *WebhookNotifier) queueName() string { return n.name }

// UnmarshalCaddyfile sets up the notifier from Caddyfile tokens. Syntax:
//
//	notify webhook <url> {
//		secret  <placeholder...>
//		timeout <duration>
//	}
func (n *WebhookNotifier) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	if err := one(d, &n.URL); err != nil {
		return err
	}
	line := *d
	err := eachOption(d, func(option string) error {
		switch option {
		case "secret":
			return some(d, &n.Secrets)
		case "timeout":
			return duration(d, &n.Timeout)
		}
		return unrecognized(d, "secret", "timeout")
	})
	if err != nil {
		return err
	}
	return wrap(&line, n.check())
}

// check judges what the Caddyfile tells, and takes the rest for good.
func (n *WebhookNotifier) check() error {
	config := notify.WebhookConfig{URL: asWritten(n.URL), Timeout: time.Duration(n.Timeout)}
	for _, secret := range n.Secrets {
		config.Secrets = append(config.Secrets, identity.NewSecret(asWritten(secret)))
	}
	webhook, err := notify.NewWebhook(config)
	if err != nil {
		return err
	}
	return webhook.Close()
}

// Interface guards
var (
	_ caddy.Provisioner     = (*WebhookNotifier)(nil)
	_ caddy.CleanerUpper    = (*WebhookNotifier)(nil)
	_ caddyfile.Unmarshaler = (*WebhookNotifier)(nil)
	_ identity.Notifier     = (*WebhookNotifier)(nil)
)
