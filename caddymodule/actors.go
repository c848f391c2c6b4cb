package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

// medusaActors are the actor types of every Medusa.
var medusaActors = []string{"customer", "user"}

// checkKnown refuses an actor type that exists in no realm: the rule would lock
// everybody out. Where realms list no actor types any may exist, so one that
// nothing else names is only worth a warning.
func (q *Require) checkKnown(ctx caddy.Context) error {
	loaded, err := ctx.AppIfConfigured("auth_sidecar")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil // every request is refused, with an error that says why
	}
	if err != nil {
		return err
	}
	var realms []*Realm
	for _, name := range slices.Sorted(maps.Keys(loaded.(*App).Realms)) {
		realms = append(realms, loaded.(*App).Realms[name])
	}
	for _, actorType := range q.actorTypes {
		if err := errUnknownActor(actorType, realms...); err != nil {
			return fmt.Errorf("auth_require: %w", err)
		}
		if !slices.ContainsFunc(realms, func(r *Realm) bool { return r.mentions(actorType) }) {
			ctx.Logger().Warn("auth_require names an actor type that nothing else names: if it is misspelt, nobody passes; once the realm has lines such as \"actor customer emailpass\" for all its actor types, an unknown one is an error",
				zap.String("actor_type", actorType))
		}
	}
	return nil
}

// errUnknownActor returns an error if each of the realms lists its actor types
// and none has this one.
func errUnknownActor(actorType string, realms ...*Realm) error {
	listed := make(map[string]bool)
	for _, r := range realms {
		if len(r.Actors) == 0 {
			return nil
		}
		for name := range r.Actors {
			listed[name] = true
		}
	}
	if len(realms) == 0 || listed[actorType] {
		return nil
	}
	return fmt.Errorf("there is no actor type %q, only %s: correct it, or add the line \"actor %s <provider...>\" to the global option auth_sidecar",
		actorType, strings.Join(slices.Sorted(maps.Keys(listed)), ", "), actorType)
}

// expect refuses configured routes for actor types that the realm does not have,
// and remembers those that they make.
func (r *Realm) expect(links []Link, unlinks []Unlink) error {
	for _, l := range links {
		if err := errUnknownActor(l.ActorType, r); err != nil {
			return fmt.Errorf("link %s: %w", l.Path, err)
		}
		r.linked = append(r.linked, l.ActorType)
	}
	for _, u := range unlinks {
		if err := errUnknownActor(u.ActorType, r); err != nil {
			return fmt.Errorf("unlink %s: %w", u.Path, err)
		}
	}
	return nil
}

// mentions reports whether the actor type is Medusa's, listed, or made by a route.
func (r *Realm) mentions(actorType string) bool {
	_, listed := r.Actors[actorType]
	return listed || slices.Contains(medusaActors, actorType) || slices.Contains(r.linked, actorType)
}
