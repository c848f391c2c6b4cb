package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

var errNoProviders = errors.New("this store cannot change the providers of an identity yet")

// AddProvider implements identity.Store.
func (s *Store) AddProvider(context.Context, string, identity.ProviderIdentity) error {
	return errNoProviders
}

// RemoveProvider implements identity.Store.
func (s *Store) RemoveProvider(context.Context, string, string, time.Time) error {
	return errNoProviders
}
