package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

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

// KeepAttempt implements identity.Attempts.
func (s *Store) KeepAttempt(ctx context.Context, hash string, a identity.Attempt) error {
	value, err := json.Marshal(attemptRecord{
		a.Provider, a.ActorType, a.Host, a.CallbackURL, a.Verifier.Reveal(), a.Nonce, a.Browser, a.Returned, a.LinkTo, unixMilli(a.ExpiresAt),
	})
	if err != nil {
		return invalid(err)
	}
	left := a.ExpiresAt.Sub(s.clock())
	if left < time.Millisecond {
		return nil // over already
	}
	return s.do(ctx, "keeping a log-in", func(ctx context.Context) error {
		kept, err := s.client.SetNX(ctx, s.keys.attempt(hash), value, left).Result()
		if err != nil {
			return err
		}
		if !kept {
			return identity.ErrExists
		}
		return nil
	})
}

// TakeAttempt implements identity.Attempts.
func (s *Store) TakeAttempt(ctx context.Context, hash string) (identity.Attempt, error) {
	var a identity.Attempt
	err := s.do(ctx, "taking a log-in", func(ctx context.Context) error {
		value, err := s.client.GetDel(ctx, s.keys.attempt(hash)).Bytes()
		if errors.Is(err, redis.Nil) {
			return identity.ErrNotFound
		}
		if err != nil {
			return err
		}
		a, err = decodeAttempt(value)
		return err
	})
	return a, err
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
	return identity.Attempt{
		Provider: r.Provider, ActorType: r.ActorType, Host: r.Host, CallbackURL: r.CallbackURL,
		Verifier: identity.NewSecret(r.Verifier), Nonce: r.Nonce, Browser: r.Browser, Returned: r.Returned,
		LinkTo: r.LinkTo, ExpiresAt: expires,
	}, nil
}
