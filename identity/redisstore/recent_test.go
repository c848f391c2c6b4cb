//go:build unix

package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

func TestRecent(t *testing.T) {
	t.Parallel()
	const token = "header.payload.signature"
	for name, start := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := start(t)(t)
			s := newStore(t, client, nil)
			at := time.Date(2026, 11, 21, 16, 54, 34, 263_417_000, time.UTC)
			if _, err := s.Recent(t.Context(), token); !errors.Is(err, identity.ErrNotFound) {
				t.Fatalf("before the log-in: %v", err)
			}
			must(t, s.MarkRecent(t.Context(), token, at, time.Hour))
			must(t, s.MarkRecent(t.Context(), "sid "+someSID, at.Add(time.Second), time.Hour))
			for credential, want := range map[string]time.Time{token: at, "sid " + someSID: at.Add(time.Second)} {
				got, err := s.Recent(t.Context(), credential)
				if err != nil || !got.Equal(want.Truncate(time.Millisecond)) {
					t.Errorf("%s: got %v, %v, want %v", credential, got, err, want)
				}
			}
			for _, credential := range []string{"", someSID, "sid", token + "a"} {
				if _, err := s.Recent(t.Context(), credential); !errors.Is(err, identity.ErrNotFound) {
					t.Errorf("%q: got %v", credential, err)
				}
			}
			must(t, s.MarkRecent(t.Context(), token, at.Add(time.Minute), time.Hour))
			if got, err := s.Recent(t.Context(), token); err != nil || !got.Equal(at.Add(time.Minute).Truncate(time.Millisecond)) {
				t.Errorf("after another log-in: got %v, %v", got, err)
			}
			must(t, s.MarkRecent(t.Context(), token, at, time.Millisecond))
			for t.Context().Err() == nil {
				if _, err := s.Recent(t.Context(), token); errors.Is(err, identity.ErrNotFound) {
					break
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}

// TestRecentKeepsNoCredential: whoever reads the store cannot log in.
func TestRecentKeepsNoCredential(t *testing.T) {
	t.Parallel()
	r := newRepairTest(t)
	must(t, r.MarkRecent(t.Context(), "sid "+someSID, time.Now(), time.Hour))
	if dump := r.server.Dump(); strings.Contains(dump, someSID) || !r.server.Exists("auth:lg:"+sha("sid "+someSID)) {
		t.Errorf("stored is\n%s", dump)
	}
	if ttl := r.server.TTL("auth:lg:" + sha("sid "+someSID)); ttl != time.Hour {
		t.Errorf("it stays for %v", ttl)
	}
	r.server.FastForward(time.Hour)
	if keys := r.server.Keys(); len(keys) != 0 {
		t.Errorf("left are %q", keys)
	}
}

func TestRecentRefuses(t *testing.T) {
	t.Parallel()
	s := newStore(t, newEmbedded(t), nil)
	for name, mark := range map[string]func(ctx context.Context) error{
		"no credential":   func(ctx context.Context) error { return s.MarkRecent(ctx, "", time.Now(), time.Hour) },
		"no time":         func(ctx context.Context) error { return s.MarkRecent(ctx, "token", time.Time{}, time.Hour) },
		"a far time":      func(ctx context.Context) error { return s.MarkRecent(ctx, "token", time.UnixMilli(1<<50), time.Hour) },
		"without end":     func(ctx context.Context) error { return s.MarkRecent(ctx, "token", time.Now(), 0) },
		"hardly any time": func(ctx context.Context) error { return s.MarkRecent(ctx, "token", time.Now(), time.Microsecond) },
	} {
		if err := mark(t.Context()); identity.CodeOf(err) != identity.CodeInternal {
			t.Errorf("%s: got %v, want %s", name, err, identity.CodeInternal)
		}
	}
}
