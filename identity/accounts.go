package identity

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// accounts is the view that one provider has of the store while somebody of one
// actor type is served.
type accounts struct {
	*Service
	provider, actorType string
	alone               bool // the backend must not be asked
}

func (s *Service) accounts(provider, actorType string) accounts {
	return accounts{Service: s, provider: provider, actorType: actorType}
}

func (a accounts) Find(ctx context.Context, keys ...string) (*Identity, error) {
	return a.Store.Find(ctx, a.provider, keys...)
}

func (a accounts) Create(ctx context.Context, p ProviderIdentity) (*Identity, error) {
	now := a.Clock()
	p.Provider, p.UpdatedAt = a.provider, now
	if err := a.free(ctx, p); err != nil {
		return nil, err
	}
	id, err := a.shadow(ctx, a.actorType, p)
	if err != nil {
		return nil, err
	}
	i := &Identity{
		ID:        cmp.Or(id, "authid_"+a.NewID()),
		BackendID: id,
		Providers: map[string]ProviderIdentity{a.provider: p},
		CreatedAt: now,
		UpdatedAt: now,
	}
	if id != "" { // an identity that was absorbed may have had it: its credentials stay ended
		i.ValidFrom = now.Truncate(time.Second)
	}
	if err := a.Store.Create(ctx, i); err != nil {
		return nil, fmt.Errorf("creating an identity: %w", err)
	}
	return i, nil
}

func (a accounts) Own(i *Identity) ProviderIdentity { return i.Providers[a.provider] }

func (a accounts) Replace(ctx context.Context, i *Identity, credential Secret) error {
	old := a.Own(i)
	next := old
	next.Credential, next.UpdatedAt = credential, a.Clock()
	return a.Store.ReplaceCredential(ctx, i.ID, old, next)
}
