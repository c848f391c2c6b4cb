package caddymodule

import (
	"log/slog"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/backend/medusa"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

func init() {
	caddy.RegisterModule(new(MedusaBackend))
}

// MedusaBackend says that an unmodified Medusa v2 stands behind the site. Its own
// `/auth` routes must be reachable for the sidecar, and for nobody else.
type MedusaBackend struct {
	// Where the sidecar reaches it: `http://medusa:9000`. Placeholders are
	// expanded. Required.
	URL string `json:"url,omitempty"`

	// Medusa's own `jwtSecret`, when it is another one than the realm's: a
	// placeholder such as `{env.MEDUSA_JWT_SECRET}`. Every verified request then
	// carries a token minted with it for minutes, and the tokens of clients are
	// worth nothing at Medusa. Default: the realm's key, and a client's token
	// passes as it is.
	Secret string `json:"secret,omitempty"`

	// The address of the identity that Medusa needs for each of ours: `mirror`
	// (that of the account), `random`, or `off` for none, with which nobody can
	// become a customer or user. Default: mirror.
	Shadow string `json:"shadow,omitempty"`

	// Whether an address and password that are unknown here are tried at
	// Medusa: accounts move over at their first login. Default: true.
	MigrateOnLogin *bool `json:"migrate_on_login,omitempty"`

	// How long one call may take. Default: 5s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	client *medusa.Backend
	ring   *token.Ring // nil without a secret
	url    string
}

// CaddyModule returns the Caddy module information.
func (*MedusaBackend) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "auth_sidecar.backends.medusa",
		New: func() caddy.Module { return new(MedusaBackend) },
	}
}

// Provision resolves the placeholders.
func (m *MedusaBackend) Provision(ctx caddy.Context) error {
	address, err := resolveSecret("medusa URL", m.URL)
	if err != nil {
		return err
	}
	m.url = address.Reveal()
	if m.Secret == "" {
		return nil
	}
	m.ring, _, err = backendRing(ctx.Logger(), "medusa secret", m.Secret, "jwtSecret")
	return err
}

func (m *MedusaBackend) open(realm *Realm, logger *slog.Logger) (*backend, error) {
	if err := realm.checkStaff(); err != nil {
		return nil, err
	}
	b := &backend{minter: realm.minter, name: "medusa." + fingerprint(m.url)[:12], routes: "/auth"}
	ring := realm.ring
	if m.ring != nil {
		ring = m.ring
		b.minter, b.all = verify.NewMinter(ring, nil), true
	}
	var err error
	m.client, err = medusa.New(medusa.Config{
		URL: m.url, Tokens: ring, Key: realm.shadowKeys[0], PreviousKeys: realm.shadowKeys[1:], Shadow: medusa.Shadow(m.Shadow),
		Timeout: time.Duration(m.Timeout), Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	b.BackendConfig = identity.BackendConfig{
		Backend: m.client, Mirror: m.Shadow == "" || m.Shadow == string(medusa.Mirror),
		Migrate: m.MigrateOnLogin == nil || *m.MigrateOnLogin,
	}
	b.trusted, b.doubt = m.client.Trusted, m.client.Doubt
	return b, nil
}

// Cleanup gives up the connections to the backend.
func (m *MedusaBackend) Cleanup() error {
	if m.client != nil {
		m.client.Close()
	}
	return nil
}

// UnmarshalCaddyfile sets up the backend from Caddyfile tokens. Syntax:
//
//	backend medusa <url> {
//		secret           <placeholder>
//		shadow           mirror|random|off
//		migrate_on_login on|off
//		timeout          <duration>
//	}
func (m *MedusaBackend) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	if err := one(d, &m.URL); err != nil {
		return err
	}
	return eachOption(d, func(option string) error {
		switch option {
		case "secret":
			return one(d, &m.Secret)
		case "shadow":
			return oneOf(d, &m.Shadow, string(medusa.Mirror), string(medusa.Random), string(medusa.Off))
		case "migrate_on_login":
			return onOff(d, &m.MigrateOnLogin)
		case "timeout":
			return duration(d, &m.Timeout)
		}
		return unrecognized(d, "secret", "shadow", "migrate_on_login", "timeout")
	})
}

// Interface guards
var (
	_ caddy.Provisioner     = (*MedusaBackend)(nil)
	_ caddy.CleanerUpper    = (*MedusaBackend)(nil)
	_ caddyfile.Unmarshaler = (*MedusaBackend)(nil)
	_ backendModule         = (*MedusaBackend)(nil)
)
