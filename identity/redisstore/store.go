package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// DefaultTimeout bounds an operation of the store. Redis in the same network
// answers in about a millisecond; half a second rides out a fork or a slow disk,
// and is still short enough to tell a shop's visitor to try again.
const DefaultTimeout = 500 * time.Millisecond

// maxTimeout keeps an operation well within pendingTTL.
const maxTimeout = 30 * time.Second

// Options are the settings of a Store. The zero value is usable.
type Options struct {
	// Prefix of every key but those of sessions: printable ASCII without spaces
	// and braces, at most 64 characters. Default: DefaultPrefix.
	Prefix string
	// SessionPrefix is the prefix of session keys. Default: Prefix and `sess:`.
	SessionPrefix string
	// Timeout bounds every operation, however many commands it takes: at most
	// 30 seconds. Default: DefaultTimeout.
	Timeout time.Duration
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
}

// Store keeps identities and sessions. It implements identity.Store and
// identity.Attempts, the store of the package session and what the package verify asks. It is safe for
// concurrent use, also by several processes.
type Store struct {
	client  redis.UniversalClient
	keys    keyspace
	timeout time.Duration
	clock   func() time.Time
	marked  markedSchema
}

var (
	_ identity.Store    = (*Store)(nil)
	_ identity.Attempts = (*Store)(nil)
)

// New makes a Store. It does not connect.
func New(client redis.UniversalClient, o Options) (*Store, error) {
	if client == nil {
		return nil, errors.New("redis: no client")
	}
	keys, err := newKeyspace(o.Prefix, o.SessionPrefix)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	timeout, err := checkTimeout(o.Timeout)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &Store{client: client, keys: keys, timeout: timeout, clock: o.Clock}, nil
}

func checkTimeout(d time.Duration) (time.Duration, error) {
	switch {
	case d == 0:
		return DefaultTimeout, nil
	case d < time.Millisecond || d > maxTimeout:
		return 0, fmt.Errorf("timeout %v: must be between 1ms and %v", d, maxTimeout)
	}
	return d, nil
}

// Queue returns the queue of reset requests that lies beside the identities.
func (s *Store) Queue() *Queue { return NewQueue(s.client, s.keys.prefix, s.timeout) }

// do runs an operation within the timeout and classifies its error. It is for what
// is read, and for what may be lost with the master.
func (s *Store) do(ctx context.Context, operation string, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if identity.IsDurable(ctx) {
		ctx = fenced(ctx, s.keys.prefix)
	}
	return classify(operation, f(ctx))
}

// durably is do for an operation whose success or answer somebody is told of, who
// must be able to rely on it: it waits for replicas if the client does.
func (s *Store) durably(ctx context.Context, operation string, f func(ctx context.Context) error) error {
	return s.do(identity.Durable(ctx), operation, f)
}

func (s *Store) now() string { return millis(s.clock()) }

// Identity implements identity.Store.
func (s *Store) Identity(ctx context.Context, id string) (*identity.Identity, error) {
	var i *identity.Identity
	err := s.do(ctx, "reading an identity", func(ctx context.Context) error {
		r, err := s.settled(ctx, id)
		i, err = s.found(ctx, r, err)
		return err
	})
	return i, err
}

// found returns the identity of a record, or of none, that was read or not. What was
// being added to it is settled.
func (s *Store) found(ctx context.Context, r *record, err error) (*identity.Identity, error) {
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, identity.ErrNotFound
	}
	s.settleAdditions(ctx, r)
	return &r.Identity, nil
}

// State returns the identity's state, or identity.ErrNotFound if there is
// no such identity. It is the cheapest question about an identity, for the
// check of a credential.
func (s *Store) State(ctx context.Context, id string) (state identity.State, err error) {
	if !validID(id) {
		return identity.State{}, identity.ErrNotFound
	}
	err = s.do(ctx, "reading the state of an identity", func(ctx context.Context) error {
		values, err := s.client.HMGet(ctx, s.keys.identity(id), fieldSchema, fieldValidFrom, fieldPending, fieldBackendID).Result()
		if err != nil {
			return err
		}
		if len(values) != 4 {
			return unexpected(values)
		}
		version, exists := values[0].(string)
		if !exists {
			return identity.ErrNotFound
		}
		if values[2] != nil { // being created: rare, so the long way
			r, err := s.settled(ctx, id)
			if err != nil {
				return err
			}
			if r == nil {
				return identity.ErrNotFound
			}
			state = identity.State{ValidFrom: r.ValidFrom, BackendID: r.BackendID}
			return nil
		}
		if err := checkSchema(version); err != nil {
			return err
		}
		text, _ := values[1].(string)
		if state.ValidFrom, err = decodeSeconds(text); err != nil {
			return corrupt(err)
		}
		state.BackendID, _ = values[3].(string)
		return nil
	})
	return state, err
}

// settled returns the record with that id after completing its creation if
// need be; nil if there is none.
func (s *Store) settled(ctx context.Context, id string) (*record, error) {
	r, err := s.load(ctx, id)
	if err != nil || r == nil || !r.pending {
		return r, err
	}
	return s.settle(ctx, r, 0)
}

// load returns the record with that id as it is; nil if there is none.
func (s *Store) load(ctx context.Context, id string) (*record, error) {
	if !validID(id) {
		return nil, nil
	}
	fields, err := s.client.HGetAll(ctx, s.keys.identity(id)).Result()
	if err != nil {
		return nil, err
	}
	return decodeRecord(id, fields)
}
