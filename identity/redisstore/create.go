package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	// pendingTTL is how long an identity that is being created may stay so.
	pendingTTL = time.Minute
	// maxTries bounds how often a claim is repeated because the key changed
	// hands, and maxDepth how many other creations one completes on the way.
	maxTries = 5
	maxDepth = 5
)

// outcome is what became of a creation.
type outcome int

const (
	stored outcome = iota
	taken          // another identity holds a key
	gone           // somebody else gave it up, or it took too long
)

var errContended = identity.Unavailable("store_contended", errors.New("too many creations of the same identity at once"))

// Create implements identity.Store. Besides keys, ErrExists also stands for an
// id that is taken. What cannot be stored at all is CodeInternal: an id of other
// characters than letters, digits, '_' and '-', no provider, metadata that is no
// JSON, text that is not UTF-8.
func (s *Store) Create(ctx context.Context, i *identity.Identity) error {
	fields, err := encodeIdentity(i)
	if err != nil {
		return invalid(fmt.Errorf("creating an identity: %w", err))
	}
	return s.durably(ctx, "creating an identity", func(ctx context.Context) error {
		if err := s.markSchema(ctx); err != nil {
			return err
		}
		r := &record{Identity: *i, claim: newClaim(), pending: true}
		if err := s.prepare(ctx, r, fields); err != nil {
			return err
		}
		o, err := s.complete(ctx, r, 0)
		switch {
		case err != nil:
			return err
		case o == taken:
			return identity.ErrExists
		case o == gone:
			return identity.Unavailable("store_unconfirmed", errors.New("the record was gone before it was complete"))
		}
		return nil
	})
}

// newClaim tells attempts to create the same identity apart.
func newClaim() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// prepare writes the pending record. ErrExists if there is one with that id.
func (s *Store) prepare(ctx context.Context, r *record, fields []string) error {
	args := []any{pendingTTL.Milliseconds(), fieldClaim, r.claim, fieldPending, "1"}
	for _, f := range fields {
		args = append(args, f)
	}
	for range maxTries {
		written, err := s.askBool(ctx, pendingScript, []string{s.keys.identity(r.ID)}, args...)
		if err != nil || written {
			return err
		}
		other, err := s.settled(ctx, r.ID)
		if err != nil {
			return err
		}
		if other != nil {
			return identity.ErrExists
		}
	}
	return errContended
}

// settle completes a creation and returns its record; nil if nothing became of it.
func (s *Store) settle(ctx context.Context, r *record, depth int) (*record, error) {
	if depth >= maxDepth {
		return nil, errContended
	}
	o, err := s.complete(ctx, r, depth+1)
	if err != nil || o != stored {
		return nil, err
	}
	r.pending = false
	return r, nil
}

// complete does what is left to do for a pending record. Any number of callers
// may do so at once: all get the same outcome, for only the record decides.
func (s *Store) complete(ctx context.Context, r *record, depth int) (outcome, error) {
	keys := s.keys.entities(r)
	for _, key := range keys {
		claimed, err := s.claim(ctx, key, r.holder(), depth)
		if err != nil {
			return 0, err
		}
		if !claimed {
			// The key is taken: unless somebody else found it free meanwhile and
			// completed the creation, it is given up.
			return s.decide(ctx, abortScript, r, keys, taken)
		}
	}
	for _, actor := range s.keys.actors(r) {
		if err := s.client.SAdd(ctx, actor, r.ID).Err(); err != nil {
			return 0, err
		}
	}
	return s.decide(ctx, commitScript, r, keys, gone)
}

// decide ends a creation by a script. Unless the record stays, it lets go of the index
// keys, and the outcome is the one given.
func (s *Store) decide(ctx context.Context, script *redis.Script, r *record, keys []string, otherwise outcome) (outcome, error) {
	stays, err := s.askBool(ctx, script, []string{s.keys.identity(r.ID)}, r.claim)
	switch {
	case err != nil:
		return 0, err
	case stays:
		return stored, nil
	}
	_ = s.release(ctx, r.holder(), keys...) // else by whoever meets them
	return otherwise, nil
}

// claim takes the index key for the holder, unless an identity that exists has it.
func (s *Store) claim(ctx context.Context, index, holder string, depth int) (bool, error) {
	for range maxTries {
		var value *redis.StringCmd
		// The reading makes the pair repeatable: what counts is who has the key.
		_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.SetNX(ctx, index, holder, 0)
			value = p.Get(ctx, index)
			return nil
		})
		switch {
		case errors.Is(err, redis.Nil): // released in between
			continue
		case err != nil:
			return false, err
		case value.Val() == holder:
			return true, nil
		}
		other, err := s.follow(ctx, index, value.Val(), depth)
		if err != nil {
			return false, err
		}
		if other != nil {
			return false, nil
		}
	}
	return false, errContended
}
