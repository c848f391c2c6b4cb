package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// maxAttempt is the longest record of a log-in, in bytes: strangers make them.
const maxAttempt = 4096

// attemptRecord is a log-in at a third party as it is stored.
type attemptRecord struct {
	Provider    string `json:"provider"`
	ActorType   string `json:"actor_type"`
	Host        string `json:"host"`
	CallbackURL string `json:"callback_url"`
	Verifier    string `json:"verifier"`
	Nonce       string `json:"nonce"`
	Browser     string `json:"browser,omitempty"`
	Returned    bool   `json:"returned,omitempty"`
	LinkTo      string `json:"link_to,omitempty"`
	ExpiresAt   int64  `json:"expires_at"` // milliseconds
}

// KeepAttempt implements identity.Attempts. The very same again is fine.
func (s *Store) KeepAttempt(ctx context.Context, hash string, a identity.Attempt) error {
	value, err := encodeAttempt(a)
	if err != nil {
		return invalid(fmt.Errorf("keeping a log-in: %w", err))
	}
	if len(value) > maxAttempt {
		return invalid(fmt.Errorf("keeping a log-in: the record has %d bytes", len(value)))
	}
	if !validHash(hash) {
		return invalid(errors.New("keeping a log-in: want a hash of hexadecimal digits"))
	}
	left := a.ExpiresAt.Sub(s.clock())
	if left < time.Millisecond {
		return nil // over already
	}
	return s.durably(ctx, "keeping a log-in", func(ctx context.Context) error {
		key := s.keys.attempt(hash)
		var has *redis.StringCmd
		// The reading makes the pair repeatable: what counts is what is kept.
		_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.SetNX(ctx, key, value, left)
			has = p.Get(ctx, key)
			return nil
		})
		switch {
		case errors.Is(err, redis.Nil): // taken or over in between: nobody knows whose it was
			return identity.Unavailable("store_contended", err)
		case err != nil:
			return err
		case has.Val() == string(value):
			return nil
		}
		if _, err := decodeAttempt([]byte(has.Val())); err != nil {
			return err
		}
		return identity.ErrExists
	})
}

// TakeAttempt implements identity.Attempts. An attempt whose reply got lost is
// gone, and the answer CodeUnavailable.
func (s *Store) TakeAttempt(ctx context.Context, hash string) (identity.Attempt, error) {
	if !validHash(hash) {
		return identity.Attempt{}, identity.ErrNotFound
	}
	var a identity.Attempt
	err := s.durably(ctx, "taking a log-in", func(ctx context.Context) error {
		cmd := redis.NewCmd(ctx, "getdel", s.keys.attempt(hash))
		// Asked again, it would be told that there is none.
		_ = s.client.Process(ctx, onceCmd{cmd}) // the error is in cmd as well
		value, err := cmd.Text()
		if errors.Is(err, redis.Nil) {
			return identity.ErrNotFound
		}
		if err != nil {
			return err
		}
		a, err = decodeAttempt([]byte(value))
		return err
	})
	return a, err
}

func encodeAttempt(a identity.Attempt) (string, error) {
	if a.Provider == "" {
		return "", errors.New("no provider")
	}
	return encode(attemptRecord{
		a.Provider, a.ActorType, a.Host, a.CallbackURL, a.Verifier.Reveal(), a.Nonce, a.Browser, a.Returned, a.LinkTo, unixMilli(a.ExpiresAt),
	})
}

func decodeAttempt(value []byte) (identity.Attempt, error) {
	var r attemptRecord
	if err := json.Unmarshal(value, &r); err != nil {
		return identity.Attempt{}, corrupt(err)
	}
	expires, err := fromMilli(r.ExpiresAt)
	if err != nil {
		return identity.Attempt{}, corrupt(err)
	}
	if r.Provider == "" || expires.IsZero() {
		return identity.Attempt{}, corrupt(errors.New("a log-in that is not complete"))
	}
	return identity.Attempt{
		Provider: r.Provider, ActorType: r.ActorType, Host: r.Host, CallbackURL: r.CallbackURL,
		Verifier: identity.NewSecret(r.Verifier), Nonce: r.Nonce, Browser: r.Browser, Returned: r.Returned,
		LinkTo: r.LinkTo, ExpiresAt: expires,
	}, nil
}
