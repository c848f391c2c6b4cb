package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// Link implements identity.Store.
func (s *Store) Link(ctx context.Context, id, actorType, actorID string) error {
	if !validID(id) {
		return identity.ErrNotFound
	}
	value, err := encodeText(actorID)
	if err != nil {
		return invalid(err)
	}
	return s.durably(ctx, "linking an actor", func(ctx context.Context) error {
		// The index first: one that leads nowhere does no harm, an actor that
		// could not be unlinked would.
		if err := s.client.SAdd(ctx, s.keys.actor(actorType, actorID), id).Err(); err != nil {
			return err
		}
		field := prefixApp + identity.ActorKey(actorType)
		had, err := s.run(ctx, linkScript, []string{s.keys.identity(id)}, field, value, s.now()).Text()
		switch {
		case errors.Is(err, redis.Nil):
			return identity.ErrNotFound
		case err != nil:
			return err
		case had == "" || isActor(had, actorID):
			return nil
		case !json.Valid([]byte(had)):
			return corrupt(errors.New("app metadata that is no JSON"))
		}
		return identity.ErrLinked
	})
}

// ByActor implements identity.Store.
func (s *Store) ByActor(ctx context.Context, actorType, actorID string) (*identity.Identity, error) {
	var i *identity.Identity
	err := s.do(ctx, "finding an actor", func(ctx context.Context) error {
		for r, err := range s.holders(ctx, actorType, actorID) {
			if err != nil {
				return err
			}
			i = &r.Identity
			return nil
		}
		return identity.ErrNotFound
	})
	return i, err
}

// Holders implements identity.Store.
func (s *Store) Holders(ctx context.Context, actorType, actorID string) ([]string, error) {
	var holders []string
	err := s.do(ctx, "finding all who have an actor", func(ctx context.Context) error {
		for r, err := range s.holders(ctx, actorType, actorID) {
			if err != nil {
				return err
			}
			holders = append(holders, r.ID)
		}
		return nil
	})
	return holders, err
}

// holders reads those who have an actor one after the other, in the order of their
// ids. It ends with the first error.
func (s *Store) holders(ctx context.Context, actorType, actorID string) iter.Seq2[*record, error] {
	return func(yield func(*record, error) bool) {
		ids, err := s.indexed(ctx, actorType, actorID)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, id := range ids {
			r, err := s.settled(ctx, id)
			if err != nil {
				yield(nil, err)
				return
			}
			if r != nil && r.ActorID(actorType) == actorID && actorID != "" && !yield(r, nil) {
				return
			}
		}
	}
}

// indexed returns the ids, in their order, of those who may have an actor.
func (s *Store) indexed(ctx context.Context, actorType, actorID string) ([]string, error) {
	ids, err := s.client.SMembers(ctx, s.keys.actor(actorType, actorID)).Result()
	slices.Sort(ids)
	return ids, err
}

// Unlink implements identity.Store.
func (s *Store) Unlink(ctx context.Context, actorType, actorID string, validFrom time.Time) ([]string, error) {
	var lost []string
	err := s.durably(ctx, "unlinking an actor", func(ctx context.Context) error {
		ids, err := s.indexed(ctx, actorType, actorID)
		if err != nil {
			return err
		}
		for _, id := range ids {
			had, err := s.unlink(ctx, id, actorType, actorID, validFrom)
			if had || err != nil {
				lost = append(lost, id)
			}
			if err != nil {
				return err
			}
		}
		if len(lost) == 0 {
			return identity.ErrNotFound
		}
		return nil
	})
	return lost, err
}

// unlink takes the actor away from one identity and reports whether it had it.
func (s *Store) unlink(ctx context.Context, id, actorType, actorID string, validFrom time.Time) (bool, error) {
	r, err := s.settled(ctx, id)
	if err != nil {
		return false, err
	}
	index := s.keys.actor(actorType, actorID)
	if r == nil {
		return false, s.client.SRem(ctx, index, id).Err()
	}
	name := identity.ActorKey(actorType)
	read := string(r.AppMetadata[name])
	if !isActor(read, actorID) {
		return false, nil // not removed from the index: it may be about to be linked
	}
	keys := []string{s.keys.identity(id), s.keys.list(id)}
	for provider := range r.Providers {
		keys = append(keys, s.keys.reset(id, provider))
	}
	left, err := s.ask(ctx, 2, unlinkScript, keys, prefixApp+name, read, seconds(validFrom), s.now())
	if err != nil || left == 0 {
		return false, err
	}
	if left == 2 {
		// It is done. Index keys that lead nowhere are deleted by whoever meets
		// them, so that they could not be deleted here is not worth an error.
		for provider, p := range r.Providers {
			_ = s.release(ctx, r.holderOf(provider), s.keys.entity(provider, p.Key))
		}
		for provider, a := range r.additions {
			_ = s.release(ctx, r.holderBy(a), s.keys.entity(provider, a.entry.Key))
		}
		_ = s.client.SRem(ctx, index, id).Err()
	}
	return true, nil
}

func isActor(raw, actorID string) bool {
	var id string
	return json.Unmarshal([]byte(raw), &id) == nil && id == actorID
}

func encodeText(s string) (string, error) {
	if s == "" {
		return "", errors.New("linking an actor: no id")
	}
	return encode(s)
}
