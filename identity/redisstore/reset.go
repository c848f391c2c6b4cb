package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// resetMargin is how much longer than the reset itself its mark is kept: the
// clocks of several nodes need not agree to the second.
const resetMargin = time.Minute

// The states of a reset. Its value is when it was asked for and when it expires
// in milliseconds, the hash and the state, separated by spaces. Scripts read it.
const (
	resetOpen = "open"
	resetUsed = "used"
)

// OpenReset implements identity.Store. A reset that has expired is ErrStale.
func (s *Store) OpenReset(ctx context.Context, id, provider string, r identity.Reset) error {
	if !validHash(r.Hash) || r.AskedAt.UnixMilli() < 0 {
		return invalid(errors.New("opening a reset: want a hash of hexadecimal digits and a time"))
	}
	if !validID(id) {
		return identity.ErrNotFound
	}
	left := r.ExpiresAt.Sub(s.clock())
	if left <= 0 {
		return identity.ErrStale
	}
	return s.durably(ctx, "opening a reset", func(ctx context.Context) error {
		value := fmt.Sprintf("%d %d %s %s", r.AskedAt.UnixMilli(), r.ExpiresAt.UnixMilli(), r.Hash, resetOpen)
		return s.askStale(ctx, openResetScript, []string{s.keys.identity(id), s.keys.reset(id, provider)},
			prefixProvider+provider, r.AskedAt.UnixMilli(), r.Hash, value, (left + resetMargin).Milliseconds(), r.Cooldown.Milliseconds())
	})
}

// CheckReset implements identity.Store.
func (s *Store) CheckReset(ctx context.Context, id, provider, hash string) error {
	if !validID(id) || !validHash(hash) {
		return identity.ErrNotFound
	}
	return s.do(ctx, "looking for a reset", func(ctx context.Context) error {
		value, err := s.client.Get(ctx, s.keys.reset(id, provider)).Result()
		if errors.Is(err, redis.Nil) {
			return identity.ErrNotFound
		}
		if err != nil {
			return err
		}
		open, err := resetIsOpen(value, hash, s.clock())
		if err != nil {
			return err
		}
		if !open {
			return identity.ErrNotFound
		}
		return nil
	})
}

// CloseReset implements identity.Store.
func (s *Store) CloseReset(ctx context.Context, id, provider, hash string) error {
	if !validID(id) || !validHash(hash) {
		return identity.ErrNotFound
	}
	return s.durably(ctx, "closing a reset", func(ctx context.Context) error {
		return wasOpen(s.askBool(ctx, closeResetScript, []string{s.keys.reset(id, provider)}, hash, s.now()))
	})
}

func wasOpen(open bool, err error) error {
	if err == nil && !open {
		return identity.ErrNotFound
	}
	return err
}

// resetIsOpen reads the value of a reset.
func resetIsOpen(value, hash string, now time.Time) (bool, error) {
	parts := strings.Split(value, " ")
	if len(parts) != 4 || parts[3] != resetOpen && parts[3] != resetUsed {
		return false, corrupt(errors.New("a reset"))
	}
	expires, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return false, corrupt(errors.New("the time of a reset"))
	}
	return parts[3] == resetOpen && parts[2] == hash && now.UnixMilli() < expires, nil
}

// validHash reports whether s is a SHA-256 in lower case hexadecimal digits.
func validHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
