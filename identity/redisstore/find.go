package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// nobody stands for the identity that is read when no key is taken, so that an
// unknown address costs as many round trips as a known one. It has no `authid_`.
const nobody = "nobody"

// Find implements identity.Store.
func (s *Store) Find(ctx context.Context, provider string, keys ...string) (*identity.Identity, error) {
	var i *identity.Identity
	err := s.do(ctx, "finding an identity", func(ctx context.Context) error {
		indexes := make([]string, len(keys))
		for n, key := range keys {
			indexes[n] = s.keys.entity(provider, key)
		}
		r, err := s.find(ctx, indexes)
		i, err = s.found(ctx, r, err)
		return err
	})
	return i, err
}

// find returns the record that holds the first of the index keys that is held.
func (s *Store) find(ctx context.Context, indexes []string) (*record, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	values := make([]*redis.StringCmd, len(indexes))
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n, index := range indexes {
			values[n] = p.Get(ctx, index)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	taken := false
	for n, value := range values {
		if errors.Is(value.Err(), redis.Nil) {
			continue
		}
		if err := value.Err(); err != nil {
			return nil, err
		}
		taken = true
		if r, err := s.follow(ctx, indexes[n], value.Val(), 0); err != nil || r != nil {
			return r, err
		}
	}
	if taken {
		return nil, nil // by nobody who exists
	}
	_, err = s.load(ctx, nobody)
	return nil, err
}

// follow returns the identity that holds the index key according to its value.
// nil if there is none any more; the index key is free then.
func (s *Store) follow(ctx context.Context, index, value string, depth int) (*record, error) {
	id, err := holderID(value)
	if err != nil {
		return nil, err
	}
	r, err := s.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, s.release(ctx, value, index)
	}
	if a, ok := s.keys.adding(r, index, value); ok {
		if o, err := s.settleAddition(ctx, r, a, depth); err != nil || o != stored {
			return nil, err
		}
		return r, nil
	}
	switch {
	case !s.keys.holds(r, index, value):
		return nil, s.release(ctx, value, index)
	case r.pending:
		return s.settle(ctx, r, depth)
	}
	return r, nil
}

// holds reports whether the record backs the index key with that value.
func (k keyspace) holds(r *record, index, value string) bool {
	for provider, p := range r.Providers {
		if k.entity(provider, p.Key) == index && r.holderOf(provider) == value {
			return true
		}
	}
	return false
}

// release deletes the index keys that still have the value.
func (s *Store) release(ctx context.Context, value string, indexes ...string) error {
	for _, index := range indexes {
		if _, err := s.askBool(ctx, releaseScript, []string{index}, value); err != nil {
			return err
		}
	}
	return nil
}
