//go:build unix

package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// newStoreAt makes a store on the whole server.
func newStoreAt(t *testing.T, url string, timeout time.Duration) *redisstore.Store {
	t.Helper()
	c, err := redisstore.NewClient(redisstore.ClientOptions{URL: identity.NewSecret(url), Timeout: timeout})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	s, err := redisstore.New(c, redisstore.Options{Timeout: timeout})
	must(t, err)
	return s
}

// recovers waits until the store answers again.
func recovers(t *testing.T, s *redisstore.Store) {
	t.Helper()
	for t.Context().Err() == nil {
		_, err := s.Identity(t.Context(), alice)
		if err == nil || errors.Is(err, identity.ErrNotFound) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestServerIsStopped(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	s := newStoreAt(t, r.URL(), patient)
	recovers(t, s)
	r.Stop()
	inTime(t, func() { allUnavailable(t, s, false, "store_refused", "store_disconnected") })
	r.Restart()
	recovers(t, s)
}

func TestServerIsPaused(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	s := newStoreAt(t, r.URL(), 100*time.Millisecond)
	recovers(t, s)
	r.Pause()
	inTime(t, func() { allUnavailable(t, s, false, "store_timeout") })
	r.Resume()
	recovers(t, s)
}

// TestServerIsNotWritable: nothing that was not written is reported as done, and
// nobody is told that an address is taken or a reset was used.
func TestServerIsNotWritable(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args    []string
		protect func(c redis.UniversalClient) error
		reason  string
	}{
		"a replica": {
			nil, func(c redis.UniversalClient) error {
				return c.Do(context.Background(), "REPLICAOF", "127.0.0.1", "1").Err()
			}, "store_readonly",
		},
		"too few replicas": {
			nil, func(c redis.UniversalClient) error {
				return c.ConfigSet(context.Background(), "min-replicas-to-write", "1").Err()
			}, "store_noreplicas",
		},
		"out of memory": {
			nil, func(c redis.UniversalClient) error { return c.ConfigSet(context.Background(), "maxmemory", "1").Err() }, "store_oom",
		},
		"a rotated password": {
			[]string{"--requirepass", password},
			func(c redis.UniversalClient) error {
				ctx := context.Background()
				if err := c.ConfigSet(ctx, "requirepass", "another").Err(); err != nil {
					return err
				}
				return c.ClientKillByFilter(ctx, "TYPE", "normal").Err()
			}, "store_auth",
		},
		"no permission": {
			nil, func(c redis.UniversalClient) error {
				return c.Do(context.Background(), "ACL", "SETUSER", "default", "-@write", "-@scripting").Err()
			}, "store_auth",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := identitytest.StartRedis(t, test.args...)
			url := r.URL()
			if len(test.args) > 0 {
				url = strings.Replace(url, "//", "//:"+password+"@", 1)
			}
			s := newStoreAt(t, url, patient)
			must(t, s.Create(t.Context(), someone()))
			addMore(t, s)
			must(t, test.protect(newClient(t, url)))
			inTime(t, func() {
				writes := aliceCalls(s)
				writes["OpenReset"] = func(ctx context.Context) error { // another than the one that is open
					return s.OpenReset(ctx, alice, "emailpass", identity.Reset{Hash: strings.Repeat("0", 64), AskedAt: soon(), ExpiresAt: soon()})
				}
				for name, call := range writes {
					if reads[name] || (name == "Unlink" || name == "TakeAttempt" || name == "DeleteBare") && test.reason == "store_oom" { // deleting is how memory is got back
						continue
					}
					err, reason := call(t.Context()), test.reason
					if identity.ReasonOf(err) == "store_replica" && reason == "store_readonly" { // by a new connection
						reason = "store_replica"
					}
					if identity.CodeOf(err) != identity.CodeUnavailable || identity.ReasonOf(err) != reason {
						t.Errorf("%s: got %v, reason %s, want %s", name, err, identity.ReasonOf(err), reason)
					}
				}
			})
		})
	}
}

func TestServerWantsAPassword(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t, "--requirepass", password)
	allUnavailable(t, newStoreAt(t, r.URL(), patient), false, "store_auth")
	allUnavailable(t, newStoreAt(t, strings.Replace(r.URL(), "//", "//:wrong@", 1), patient), false, "store_auth")
	allUnavailable(t, newStoreAt(t, strings.Replace(r.URL(), "//", "//nobody:"+password+"@", 1), patient), false, "store_auth")
	recovers(t, newStoreAt(t, strings.Replace(r.URL(), "//", "//:"+password+"@", 1), patient))
}

func TestServerIsBusy(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t, "--busy-reply-threshold", "10")
	s := newStoreAt(t, r.URL(), patient)
	recovers(t, s)
	// A connection of its own, for a busy server greets no new ones.
	admin := newClient(t, r.URL()).(*redis.Client).Conn()
	defer admin.Close()
	must(t, admin.Ping(t.Context()).Err())
	other := newClient(t, r.URL())
	ended := make(chan error)
	go func() { ended <- other.Eval(context.Background(), "while true do end", nil).Err() }()
	for { // until the script counts as one that does not end
		if err := admin.Ping(t.Context()).Err(); redis.HasErrorPrefix(err, "BUSY") {
			break
		}
	}
	allUnavailable(t, s, false, "store_busy")
	must(t, admin.ScriptKill(t.Context()).Err())
	if err := <-ended; err == nil {
		t.Error("the script ended by itself")
	}
	recovers(t, s)
}

// TestAcknowledgedIsStored: what was reported as done survives the death of the
// server, when it was told to write at once.
func TestAcknowledgedIsStored(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	s := newStoreAt(t, r.URL(), patient)
	must(t, s.Create(t.Context(), someone()))
	must(t, s.Link(t.Context(), alice, "user", "user_1"))
	must(t, s.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: time.Now(), ExpiresAt: soon()}))
	must(t, s.FinishReset(t.Context(), alice, someHash, entry("new"), soon(), nil))
	r.Kill()
	r.Restart()
	recovers(t, s)
	i, err := s.Find(t.Context(), "emailpass", address)
	must(t, err)
	if i.ActorID("user") != "user_1" || i.Providers["emailpass"].Credential.Reveal() != "new" || i.ValidFrom.IsZero() {
		t.Errorf("read %+v", i)
	}
	if err := s.OpenReset(t.Context(), alice, "emailpass", identity.Reset{Hash: someHash, AskedAt: time.Now(), ExpiresAt: soon()}); !errors.Is(err, identity.ErrStale) {
		t.Errorf("opening the used reset gave %v", err)
	}
}
