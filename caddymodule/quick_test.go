package caddymodule_test

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-commerce/auth-sidecar/identity/password"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
)

func init() {
	caddy.RegisterModule(new(quickPass))
}

// quickPass is emailpass with cheap hashes, for tests that are about other
// things.
type quickPass struct {
	*emailpass.Provider `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*quickPass) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "auth_sidecar.providers.quick",
		New: func() caddy.Module { return new(quickPass) },
	}
}

// Provision implements caddy.Provisioner.
func (q *quickPass) Provision(ctx caddy.Context) error {
	hasher, err := password.New(password.Config{Argon2Memory: 64, Argon2Time: 1})
	if err != nil {
		return err
	}
	q.Provider = emailpass.New(hasher, ctx.Slogger())
	return nil
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler.
func (*quickPass) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	return nil
}
