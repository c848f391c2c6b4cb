package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// ProviderConfig puts a provider under the id it has in URLs.
type ProviderConfig struct {
	// The id in `/auth/{actor}/{id}`.
	ID string `json:"id"`
	// The module that does the work.
	ModuleRaw json.RawMessage `json:"module,omitempty" caddy:"namespace=auth_sidecar.providers inline_key=provider"`
}

func (r *Realm) loadProviders(ctx caddy.Context) ([]identity.NamedProvider, error) {
	if len(r.Providers) == 0 {
		r.Providers = []ProviderConfig{{ID: defaultProvider, ModuleRaw: json.RawMessage(`{"provider":"emailpass"}`)}}
	}
	var providers []identity.NamedProvider
	for i := range r.Providers {
		config := &r.Providers[i]
		if config.ID == "" {
			return nil, errors.New("a provider has no id")
		}
		if len(config.ModuleRaw) == 0 {
			return nil, fmt.Errorf("provider %q: no module is named", config.ID)
		}
		named := ctx.WithValue(providerID{}, config.ID)
		module, err := named.LoadModule(config, "ModuleRaw")
		if err != nil {
			return nil, fmt.Errorf("provider %q: %w", config.ID, err)
		}
		provider, ok := module.(identity.Provider)
		if !ok {
			return nil, fmt.Errorf("provider %q: module %T is not a provider", config.ID, module)
		}
		if _, ok := module.(identity.Redirector); ok {
			r.redirects = true
		}
		if letsStrangersIn(module) {
			r.open = append(r.open, config.ID)
		}
		providers = append(providers, identity.NamedProvider{ID: config.ID, Provider: provider})
	}
	return providers, nil
}
