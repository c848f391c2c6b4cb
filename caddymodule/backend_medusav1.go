package caddymodule

import (
	"log/slog"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusav1"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

func init() {
	caddy.RegisterModule(new(MedusaV1Backend))
}

// MedusaV1Backend says that an unmodified Medusa v1 stands behind the site. Every
// verified request carries a token minted for it for minutes; the tokens and the
// cookies of clients are worth nothing there. The routes that write passwords are
// answered here, rewritten or closed, so it must be reachable for the sidecar and
// for nobody else.
type MedusaV1Backend struct {
	// Where the sidecar reaches it: `http://medusa:9000`. Placeholders are
	// expanded. Required.
	URL string `json:"url,omitempty"`

	// Medusa's own `jwt_secret`: a placeholder such as `{env.MEDUSA_JWT_SECRET}`.
	// Required.
	Secret string `json:"secret,omitempty"`

	// Whether an address and password that are unknown here are tried at
	// Medusa: accounts move over at their first login. Default: true.
	MigrateOnLogin *bool `json:"migrate_on_login,omitempty"`

	// How long one call may take. Default: 5s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	client *medusav1.Backend
	ring   *token.Ring
	secret identity.Secret
	url    string
}

// CaddyModule returns the Caddy module information.
func (*MedusaV1Backend) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "auth_sidecar.backends.medusa_v1",
		New: func() caddy.Module { return new(MedusaV1Backend) },
	}
}

// Provision resolves the placeholders.
func (m *MedusaV1Backend) Provision(ctx caddy.Context) error {
	address, err := resolveSecret("medusa_v1 URL", m.URL)
	if err != nil {
		return err
	}
	m.url = address.Reveal()
	m.ring, m.secret, err = backendRing(ctx.Logger(), "medusa_v1 secret", m.Secret, "jwt_secret")
	return err
}

func (m *MedusaV1Backend) open(realm *Realm, logger *slog.Logger) (*backend, error) {
	if realm.JWT.has(m.secret) {
		logger.Warn("jwt secret is Medusa's own jwt_secret as well: Medusa believes tokens of the sidecar's that were revoked, wherever it is reached past Caddy; " +
			"give the realm a secret that Medusa does not know")
	}
	var err error
	m.client, err = medusav1.New(medusav1.Config{
		URL: m.url, Tokens: m.ring.V1(), Secret: m.secret, Key: realm.shadowKeys[0], PreviousKeys: realm.shadowKeys[1:],
		Timeout: time.Duration(m.Timeout), Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	return &backend{
		legacy:      &identity.LegacyConfig{Legacy: m.client, Migrate: m.MigrateOnLogin == nil || *m.MigrateOnLogin},
		name:        "medusa_v1." + fingerprint(m.url)[:12],
		credentials: v1Routes(m.client),
		minter:      verify.NewMinter(m.ring.V1(), nil),
		all:         true,
		knows:       knownToV1,
		apiKey:      "X-Medusa-Access-Token",
		trusted:     m.client.Trusted,
		doubt:       m.client.Doubt,
	}, nil
}

// knownToV1 reports whether a token of Medusa v1 can name the caller.
func knownToV1(c *verify.Caller) bool {
	return c.Registered() && (c.Claims.ActorType == identity.Customer || c.Claims.ActorType == identity.User)
}

// Cleanup gives up the connections to the backend.
func (m *MedusaV1Backend) Cleanup() error {
	if m.client != nil {
		m.client.Close()
	}
	return nil
}

// UnmarshalCaddyfile sets up the backend from Caddyfile tokens. Syntax:
//
//	backend medusa_v1 <url> {
//		secret           <placeholder>
//		migrate_on_login on|off
//		timeout          <duration>
//	}
func (m *MedusaV1Backend) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	if err := one(d, &m.URL); err != nil {
		return err
	}
	err := eachOption(d, func(option string) error {
		switch option {
		case "secret":
			return one(d, &m.Secret)
		case "migrate_on_login":
			return onOff(d, &m.MigrateOnLogin)
		case "timeout":
			return duration(d, &m.Timeout)
		}
		return unrecognized(d, "secret", "migrate_on_login", "timeout")
	})
	if err == nil && m.Secret == "" {
		return d.Err(`backend medusa_v1 needs Medusa's jwt_secret; write for example "secret {env.MEDUSA_JWT_SECRET}"`)
	}
	return err
}

// Interface guards
var (
	_ caddy.Provisioner     = (*MedusaV1Backend)(nil)
	_ caddy.CleanerUpper    = (*MedusaV1Backend)(nil)
	_ caddyfile.Unmarshaler = (*MedusaV1Backend)(nil)
	_ backendModule         = (*MedusaV1Backend)(nil)
)
