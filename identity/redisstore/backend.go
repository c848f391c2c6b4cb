package redisstore

import (
	"context"
	"errors"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// SetBackend implements identity.Store.
func (s *Store) SetBackend(ctx context.Context, id, old, backendID string) error {
	if !validID(backendID) {
		return invalid(errors.New("setting a backend's id: use letters, digits, '_' and '-'"))
	}
	if !validID(id) {
		return identity.ErrNotFound
	}
	return s.durably(ctx, "setting a backend's id", func(ctx context.Context) error {
		reply, err := s.ask(ctx, 2, setBackendScript, []string{s.keys.identity(id)}, old, backendID, s.now())
		switch {
		case err != nil:
			return err
		case reply == 0:
			return identity.ErrStale
		case reply == 2:
			return identity.ErrNotFound
		}
		return nil
	})
}
