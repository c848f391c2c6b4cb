package caddymodule

import (
	"fmt"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/password"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/emailpass"
)

func init() {
	caddy.RegisterModule(new(EmailPass))
}

// defaultProvider is the id of the one that a realm has if it configures none.
const defaultProvider = "emailpass"

// hashing is the one pool of the process: what it protects, the cores, is
// shared by all realms and by the configurations before and after a reload.
var hashing = sync.OnceValues(func() (*password.Pool, error) { return password.NewPool(0, 0) })

// EmailPass lets people register and log in with an e-mail address and a password.
type EmailPass struct {
	// The format of new password hashes: `argon2id`, or `scrypt` as Medusa
	// stores it. Others are verified and replaced at the next login.
	// Default: argon2id.
	Hash string `json:"hash,omitempty"`

	*emailpass.Provider `json:"-"`
}

// CaddyModule returns the Caddy module information.
func (*EmailPass) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "auth_sidecar.providers.emailpass",
		New: func() caddy.Module { return new(EmailPass) },
	}
}

// Provision sets up the hashing pool.
func (e *EmailPass) Provision(ctx caddy.Context) error {
	switch e.Hash {
	case "", string(password.Argon2id), string(password.Scrypt):
	default:
		return fmt.Errorf("hash %q: use argon2id or scrypt", e.Hash)
	}
	pool, err := hashing()
	if err != nil {
		return err
	}
	hasher, err := password.New(password.Config{Format: password.Format(e.Hash), Pool: pool})
	if err != nil {
		return err
	}
	e.Provider = emailpass.New(hasher, ctx.Slogger())
	return nil
}

// UnmarshalCaddyfile sets up the provider from Caddyfile tokens. Syntax:
//
//	provider <id> [emailpass] {
//		hash argon2id|scrypt
//	}
func (e *EmailPass) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	return eachOption(d, func(option string) error {
		switch option {
		case "hash":
			return oneOf(d, &e.Hash, "argon2id", "scrypt")
		}
		return unrecognized(d, "hash")
	})
}

// Interface guards
var (
	_ caddy.Provisioner          = (*EmailPass)(nil)
	_ caddyfile.Unmarshaler      = (*EmailPass)(nil)
	_ identity.Authenticator     = (*EmailPass)(nil)
	_ identity.Registrar         = (*EmailPass)(nil)
	_ identity.CredentialUpdater = (*EmailPass)(nil)
	_ identity.Guessable         = (*EmailPass)(nil)
)
