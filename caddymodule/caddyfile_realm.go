package caddymodule

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("auth_sidecar", parseGlobalOption)
}

// parseGlobalOption parses one realm; the option may be repeated for others.
// Syntax:
//
//	auth_sidecar [<realm>] {
//		redis embedded|<url> {
//			...
//		}
//		jwt {
//			secret          <placeholder>
//			previous_secret <placeholder...>
//			key_file        <pem> {
//				kid <id>
//			}
//			expires_in      <duration>
//			issuer          <text>
//			audience        <text>
//			leeway          <duration>
//			allow_short_secret
//		}
//		session {
//			secret     <placeholder...>
//			cookie     <name>
//			key_prefix <prefix>
//			ttl        <duration>
//			max_age    <duration>
//			rolling
//			same_site  lax|none|strict
//			secure     auto|always|never
//			domain     <domain>
//		}
//		provider <id> [<module>] {
//			...
//		}
//		actor <type> <provider_id...>
//		notify <module> [...] {
//			...
//		}
//		revocation strict
//		revocation cached <max_age>
//		reset_ttl <duration>
//		rate_limit <bucket> <events> <window>
//		rate_limit <bucket> off
//		rate_limit trusted <address...>
//		rate_limit off
//	}
func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	app := &App{Realms: make(map[string]*Realm)}
	if existing != nil {
		// The option was given before, for another realm.
		if err := json.Unmarshal(existing.(httpcaddyfile.App).Value, app); err != nil {
			return nil, d.Errf("reading the realms configured before: %v", err)
		}
	}
	d.Next() // consume the option's name
	name := defaultRealm
	if d.NextArg() {
		if name = d.Val(); name == "" {
			return nil, d.Errf("the name of the realm is empty; leave it out for the realm %s", defaultRealm)
		}
	}
	if _, taken := app.Realms[name]; taken {
		return nil, d.Errf("realm %q is configured twice", name)
	}
	realm := new(Realm)
	if err := realm.unmarshal(d); err != nil {
		return nil, err
	}
	app.Realms[name] = realm
	return httpcaddyfile.App{Name: "auth_sidecar", Value: caddyconfig.JSON(app, nil)}, nil
}

func (r *Realm) unmarshal(d *caddyfile.Dispenser) error {
	var actors []caddyfile.Dispenser // each at its line
	err := eachOption(d, func(option string) error {
		switch option {
		case "redis":
			r.Redis = new(Redis)
			return r.Redis.unmarshal(d)
		case "jwt":
			r.JWT = new(JWT)
			return r.JWT.unmarshal(d)
		case "session":
			r.Session = new(Session)
			return r.Session.unmarshal(d)
		case "provider":
			return r.unmarshalProvider(d)
		case "actor":
			actors = append(actors, *d)
			return r.unmarshalActor(d)
		case "notify":
			return r.unmarshalNotifier(d)
		case "revocation":
			return r.unmarshalRevocation(d)
		case "reset_ttl":
			return duration(d, &r.ResetTTL)
		case "rate_limit":
			return r.unmarshalLimit(d)
		}
		return unrecognized(d, "redis", "jwt", "session", "provider", "actor", "notify", "revocation", "reset_ttl", "rate_limit")
	}, "provider", "actor", "notify", "rate_limit")
	if err != nil {
		return err
	}
	for i := range actors { // providers may stand behind them
		if err := r.checkActor(&actors[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Realm) unmarshalProvider(d *caddyfile.Dispenser) error {
	var id string
	if err := one(d, &id); err != nil {
		return err
	}
	module := id
	if d.NextArg() {
		module = d.Val()
	}
	for _, p := range r.Providers {
		if p.ID == id {
			return d.Errf("provider %q is configured twice", id)
		}
	}
	d.SetContext(providerContext, id)
	raw, err := guest(d, "auth_sidecar.providers.", "provider", module)
	if err != nil {
		return err
	}
	r.Providers = append(r.Providers, ProviderConfig{ID: id, ModuleRaw: raw})
	return nil
}

func (r *Realm) unmarshalNotifier(d *caddyfile.Dispenser) error {
	var module string
	if err := one(d, &module); err != nil {
		return err
	}
	raw, err := guest(d, "auth_sidecar.notifiers.", "notifier", module)
	if err != nil {
		return err
	}
	r.NotifiersRaw = append(r.NotifiersRaw, raw)
	return nil
}

// guest parses the rest of the option as the configuration of a module. The
// module's parser finds its own name as the current token.
func guest(d *caddyfile.Dispenser, namespace, inlineKey, name string) ([]byte, error) {
	info, err := caddy.GetModule(namespace + name)
	if err != nil {
		var there []string
		for _, info := range caddy.GetModules(strings.TrimSuffix(namespace, ".")) {
			there = append(there, info.ID.Name())
		}
		slices.Sort(there)
		return nil, d.Errf("there is no %s module %q in this Caddy; there is: %s", inlineKey, name, strings.Join(there, ", "))
	}
	module := info.New()
	unmarshaler, ok := module.(caddyfile.Unmarshaler)
	if !ok {
		return nil, d.Errf("%s module %q cannot be configured in a Caddyfile", inlineKey, name)
	}
	d.Prev() // UnmarshalCaddyfile consumes the name
	if err := unmarshaler.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return caddyconfig.JSONModuleObject(module, inlineKey, name, nil), nil
}

func (r *Realm) unmarshalActor(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) < 2 {
		return d.Err(`write "actor <type> <provider...>", for example "actor customer emailpass"`)
	}
	if r.Actors == nil {
		r.Actors = make(map[string][]string)
	}
	if _, taken := r.Actors[args[0]]; taken {
		return d.Errf("actor type %q is configured twice", args[0])
	}
	r.Actors[args[0]] = args[1:]
	return wrap(d, checkActorType(args[0]))
}

// checkActor refuses a provider that the realm does not have.
func (r *Realm) checkActor(d *caddyfile.Dispenser) error {
	there := r.providerIDs()
	args := d.RemainingArgs()
	for _, id := range args[1:] {
		if !slices.Contains(there, id) {
			return d.Errf("actor %s: there is no provider %q; there is: %s", args[0], id, strings.Join(there, ", "))
		}
	}
	return nil
}

// providerIDs lists the configured providers.
func (r *Realm) providerIDs() []string {
	if len(r.Providers) == 0 {
		return []string{defaultProvider}
	}
	var ids []string
	for _, p := range r.Providers {
		ids = append(ids, p.ID)
	}
	return ids
}

func (r *Realm) unmarshalRevocation(d *caddyfile.Dispenser) error {
	var mode string
	if err := oneOf(d, &mode, "strict", "cached"); err != nil {
		return err
	}
	age := new(caddy.Duration)
	if mode == "cached" {
		if d.CountRemainingArgs() == 0 {
			return d.Err(`"revocation cached" needs an age, for example "revocation cached 5s"`)
		}
		if err := duration(d, age); err != nil {
			return err
		}
	}
	r.RevocationMaxAge = age
	return nil
}
