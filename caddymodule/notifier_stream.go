package caddymodule

import (
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

func init() {
	caddy.RegisterModule(new(StreamNotifier))
}

// defaultStreamAge outlives the default life of a reset token, so that a
// consumer may be away for that long.
const defaultStreamAge = time.Hour

// StreamNotifier appends notifications to a stream in the realm's Redis, for
// consumers of the shop's own: durable, at least once, one consumer group for
// each of them. The entries hold reset tokens; give only those consumers access.
type StreamNotifier struct {
	// The stream's key. Default: the realm's key prefix and `events`.
	Key string `json:"key,omitempty"`

	// How long entries are kept. Default: 1h.
	MaxAge caddy.Duration `json:"max_age,omitempty"`

	*notify.Stream `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*StreamNotifier) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "auth_sidecar.notifiers.stream",
		New: func() caddy.Module { return new(StreamNotifier) },
	}
}

// Provision fills in the defaults.
func (n *StreamNotifier) Provision(caddy.Context) error {
	if n.MaxAge == 0 {
		n.MaxAge = caddy.Duration(defaultStreamAge)
	}
	return nil
}

func (n *StreamNotifier) useStream(client redis.UniversalClient, prefix string, resetTTL time.Duration) error {
	if time.Duration(n.MaxAge) < resetTTL {
		return fmt.Errorf("stream: max_age %s is less than reset_ttl %s: entries would go while their tokens are good", time.Duration(n.MaxAge), resetTTL)
	}
	if n.Key == "" {
		n.Key = prefix + redisstore.EventsKey
	}
	n.Stream = notify.NewStream(redisstore.NewEvents(client, n.Key, time.Duration(n.MaxAge)))
	return nil
}

func (n *StreamNotifier) queueName() string { return "stream." + fingerprint(n.Key)[:12] }

// UnmarshalCaddyfile sets up the notifier from Caddyfile tokens. Syntax:
//
//	notify stream {
//		key     <key>
//		max_age <duration>
//	}
func (n *StreamNotifier) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	return eachOption(d, func(option string) error {
		switch option {
		case "key":
			return one(d, &n.Key)
		case "max_age":
			return duration(d, &n.MaxAge)
		}
		return unrecognized(d, "key", "max_age")
	})
}

// Interface guards
var (
	_ caddy.Provisioner     = (*StreamNotifier)(nil)
	_ caddyfile.Unmarshaler = (*StreamNotifier)(nil)
	_ identity.Notifier     = (*StreamNotifier)(nil)
)
