package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// whom names somebody to the admin endpoints: by the identity's id, by an actor, or
// by what a provider calls the person.
type whom struct {
	Realm      string `json:"realm,omitempty"`
	IdentityID string `json:"identity_id,omitempty"`
	ActorType  string `json:"actor_type,omitempty"`
	ActorID    string `json:"actor_id,omitempty"`
	Provider   string `json:"provider,omitempty"`
	Entity     string `json:"entity,omitempty"`
}

// check returns an error unless somebody is named in exactly one way.
func (w whom) check() error {
	ways := 0
	for _, way := range []struct{ one, two string }{{w.IdentityID, w.IdentityID}, {w.ActorType, w.ActorID}, {w.Provider, w.Entity}} {
		if (way.one == "") != (way.two == "") {
			return errors.New("actor_type goes with actor_id, and provider with entity")
		}
		if way.one != "" {
			ways++
		}
	}
	if ways != 1 {
		return errors.New("name an identity_id, or an actor_type and actor_id, or a provider and entity")
	}
	return nil
}

// named returns the ids of those who are meant, or identity.ErrNotFound.
func (r *Realm) named(ctx context.Context, w whom) ([]string, error) {
	if w.IdentityID != "" {
		return []string{w.IdentityID}, nil
	}
	if w.ActorID != "" {
		ids, err := r.store.Holders(ctx, w.ActorType, w.ActorID)
		if err == nil && len(ids) == 0 {
			err = identity.ErrNotFound
		}
		return ids, err
	}
	i, err := r.service.FindBy(ctx, w.Provider, w.Entity)
	if err != nil {
		return nil, err
	}
	return []string{i.ID}, nil
}

// nobody says that nobody is meant, and what may be misspelt. A provider that was
// taken out of the configuration can be named still.
func (r *Realm) nobody(w whom) error {
	if providers := r.providerIDs(); w.Provider != "" && !slices.Contains(providers, w.Provider) {
		return fmt.Errorf("there is no such identity, and no provider %s; there is: %s", w.Provider, strings.Join(providers, ", "))
	}
	return errors.New("there is no such identity")
}
