package caddymodule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

func init() {
	caddy.RegisterModule(new(App))
}

const defaultRealm = "default"

// App holds the realms of the authentication sidecar. A realm is an isolated
// set of identities: what is registered in one exists in no other. Handlers
// refer to a realm by name.
//
// Loading a configuration never touches the network: Caddy starts, and answers
// requests without credentials, while Redis is down.
type App struct {
	// The realms by name. A site that names none uses the realm `default`.
	Realms map[string]*Realm `json:"realms,omitempty"`

	logger *zap.Logger
	ctx    caddy.Context
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "auth_sidecar",
		New: func() caddy.Module { return new(App) },
	}
}

// Provision sets up the realms.
func (a *App) Provision(ctx caddy.Context) error {
	a.logger, a.ctx = ctx.Logger(), ctx
	bridgeRedisLog()
	holders := make(map[[2]string]string)
	for name, realm := range a.Realms {
		if realm == nil {
			return fmt.Errorf("realm %q has no configuration", name)
		}
		if err := realm.provision(ctx, name); err != nil {
			return fmt.Errorf("realm %q: %w", name, err)
		}
		place := [2]string{realm.connectionKey, realm.Redis.KeyPrefix}
		if other, taken := holders[place]; taken {
			return fmt.Errorf("the realms %q and %q have the same redis and key_prefix %q, so they would share their identities: give one another key_prefix", other, name, place[1])
		}
		holders[place] = name
	}
	return nil
}

// Start looks at the sites, which are complete by now, and begins the delivery of
// notifications.
func (a *App) Start() error {
	if err := checkCoverage(a.ctx); err != nil {
		return err
	}
	if err := checkRewrites(a.ctx); err != nil {
		return err
	}
	for _, realm := range a.Realms {
		realm.start()
	}
	return nil
}

// Stop ends the delivery of notifications. What was accepted and not delivered
// stays in Redis. Requests of this configuration may still be running.
func (a *App) Stop() error {
	for _, realm := range a.Realms {
		realm.stop()
	}
	return nil
}

// Cleanup gives up the realms' shared connections.
func (a *App) Cleanup() error {
	var first error
	for _, realm := range a.Realms {
		if realm == nil {
			continue
		}
		if err := realm.release(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// realm returns the realm with that name, "" meaning the default one.
func (a *App) realm(name string) (*Realm, error) {
	if name == "" {
		name = defaultRealm
	}
	realm, ok := a.Realms[name]
	switch {
	case ok:
		return realm, nil
	case len(a.Realms) == 0:
		return nil, fmt.Errorf("there is no auth_sidecar realm %q: configure it with the global option auth_sidecar", name)
	}
	return nil, fmt.Errorf("there is no auth_sidecar realm %q: configure it with the global option auth_sidecar, or name one that is there: %s",
		name, strings.Join(slices.Sorted(maps.Keys(a.Realms)), ", "))
}

// realmFor finds the app and in it the realm that a handler refers to.
func realmFor(ctx caddy.Context, name string) (*Realm, error) {
	app, err := ctx.App("auth_sidecar")
	if err != nil {
		return nil, err
	}
	return app.(*App).realm(name)
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
