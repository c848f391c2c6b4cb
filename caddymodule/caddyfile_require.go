package caddymodule

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterDirective("auth_require", parseRequire)
	httpcaddyfile.RegisterDirectiveOrder("auth_require", httpcaddyfile.After, "basic_auth")
}

// parseRequire makes the routes of an auth_require directive. The routes of one
// block form a group, of which Caddy runs the first that matches: the one with
// the most specific path. Blocks within it have groups of their own.
func parseRequire(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	matchers, err := requireMatcher(h)
	if err != nil {
		return nil, err
	}
	rule := new(Require)
	if err := rule.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	sets, err := onePathEach(matchers)
	if err != nil {
		return nil, wrap(h.Dispenser, err)
	}
	var routes []httpcaddyfile.ConfigValue
	for _, set := range sets {
		for _, value := range h.NewRoute(set, rule) {
			route := value.Value.(caddyhttp.Route)
			route.Group = requireGroup(h)
			value.Value = route
			routes = append(routes, value)
		}
	}
	return routes, nil
}

// requireMatcher takes the matcher out of the directive. A `*` that stands alone
// is no matcher: it means any actor type.
func requireMatcher(h httpcaddyfile.Helper) (caddy.ModuleMap, error) {
	h.Next() // consume the directive's name
	if h.CountRemainingArgs() == 1 {
		h.NextArg()
		alone := h.Val() == "*"
		h.Prev()
		if alone {
			h.Reset()
			return nil, nil
		}
	}
	return h.ExtractMatcherSet()
}

// onePathEach splits a matcher with several paths. Caddy sorts the routes of a
// directive by specificity only if each has exactly one path; others stay where
// they are written and could stand before a more specific rule.
func onePathEach(matchers caddy.ModuleMap) ([]caddy.ModuleMap, error) {
	if len(matchers) == 0 {
		return []caddy.ModuleMap{matchers}, nil
	}
	paths := caddyhttp.MatchPath{"*"} // less specific than any other
	if raw, ok := matchers["path"]; ok {
		if err := json.Unmarshal(raw, &paths); err != nil {
			return nil, fmt.Errorf("reading the paths of a matcher: %w", err)
		}
	}
	var sets []caddy.ModuleMap
	for _, path := range paths {
		set := maps.Clone(matchers)
		set["path"] = caddyconfig.JSON(caddyhttp.MatchPath{path}, nil)
		sets = append(sets, set)
	}
	return sets, nil
}

// requireGroup names the group of the block that h is in. A block's state is a
// copy of its parent's, so what it says holds only if it was put into this map.
func requireGroup(h httpcaddyfile.Helper) string {
	const key = "auth_require_group"
	type group struct {
		block uintptr
		name  string
	}
	block := reflect.ValueOf(h.BlockState).Pointer()
	if g, ok := h.BlockState[key].(group); ok && g.block == block {
		return g.name
	}
	count, _ := h.State[key+"s"].(int)
	h.State[key+"s"] = count + 1
	name := fmt.Sprintf("auth_require%d", count)
	// Named routes are parsed before all others, with a count of their own. A
	// name that the site uses too would switch their rules off.
	if h.Option("named_routes") == nil {
		name = fmt.Sprintf("auth_require_named%d", count)
	}
	h.BlockState[key] = group{block, name}
	return name
}

// UnmarshalCaddyfile sets up the rule from Caddyfile tokens. Of the rules in
// one block only that with the most specific path applies; in a `route` block,
// which keeps the order of its directives, the first that matches. Syntax:
//
//	auth_require [<matcher>] <actor_type...>|* {
//		allow_unregistered
//		methods bearer|session|api_key...
//		optional
//	}
func (q *Require) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the directive's name
	if q.ActorTypes = d.RemainingArgs(); len(q.ActorTypes) == 0 {
		return d.Err(`write "auth_require [<matcher>] <actor_type...>", for example "auth_require /admin* user"`)
	}
	err := eachOption(d, func(option string) error {
		switch option {
		case "allow_unregistered":
			return flag(&q.AllowUnregistered)
		case "methods":
			return some(d, &q.Methods)
		case "optional":
			return flag(&q.Optional)
		}
		return unrecognized(d, "allow_unregistered", "methods", "optional")
	})
	if err != nil {
		return err
	}
	return wrap(d, q.compile())
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Require)(nil)
