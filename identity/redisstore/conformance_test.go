//go:build unix

package redisstore_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// patient is a timeout that only a hanging test reaches: no test of what the
// store does may depend on how busy the machine is.
const patient = 30 * time.Second

// prefixes keeps the tests on one server apart.
var prefixes atomic.Int64

// newStore makes a store on an empty part of the client's server.
func newStore(t testing.TB, client redis.UniversalClient, clock func() time.Time) *redisstore.Store {
	t.Helper()
	s, err := redisstore.New(client, redisstore.Options{
		Prefix: fmt.Sprintf("test%d:", prefixes.Add(1)), Timeout: patient, Clock: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newClient makes a client as the sidecar does.
func newClient(t testing.TB, url string) redis.UniversalClient {
	t.Helper()
	c, err := redisstore.NewClient(redisstore.ClientOptions{URL: identity.NewSecret(url), Timeout: patient})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func newEmbedded(t testing.TB) redis.UniversalClient {
	t.Helper()
	e, err := redisstore.NewEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e.Client()
}

// backends are the kinds of server. Each function starts one and returns what
// makes a client for it.
var backends = map[string]func(t testing.TB) func(t testing.TB) redis.UniversalClient{
	"embedded": func(testing.TB) func(testing.TB) redis.UniversalClient { return newEmbedded },
	"redis-server": func(t testing.TB) func(testing.TB) redis.UniversalClient {
		url := identitytest.StartRedis(t).URL()
		return func(t testing.TB) redis.UniversalClient { return newClient(t, url) }
	},
	"cluster": func(t testing.TB) func(testing.TB) redis.UniversalClient {
		return connecting(redisstore.ClientOptions{
			URL: identity.NewSecret(identitytest.StartCluster(t, 1).URL()), Timeout: patient, Cluster: true,
		})
	},
}

// connecting returns what makes a client for that.
func connecting(o redisstore.ClientOptions) func(t testing.TB) redis.UniversalClient {
	return func(t testing.TB) redis.UniversalClient {
		t.Helper()
		c, err := redisstore.NewClient(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	for name, start := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connect := start(t)
			newFaulty := func(t *testing.T, clock *identitytest.Clock, faults *identitytest.Faults) identitytest.Store {
				client := connect(t)
				client.AddHook(faults)
				return newStore(t, client, clock.Now)
			}
			identitytest.RunStore(t, newFaulty)
			identitytest.RunSessionLists(t, newFaulty)
		})
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	for name, start := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connect := start(t)
			identitytest.RunSessions(t, func(t *testing.T) identitytest.SessionStore {
				return newStore(t, connect(t), nil)
			})
		})
	}
	// Its time passes only when it is told to.
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		server := miniredis.RunT(t)
		s := newStore(t, newClient(t, "redis://"+server.Addr()), nil)
		if err := s.SaveSession(t.Context(), "sid", []byte("a"), time.Hour); err != nil {
			t.Fatal(err)
		}
		server.FastForward(time.Hour - time.Second)
		if _, err := s.LoadSession(t.Context(), "sid"); err != nil {
			t.Fatal(err)
		}
		server.FastForward(time.Second)
		if _, err := s.LoadSession(t.Context(), "sid"); err != identity.ErrNotFound {
			t.Errorf("after its time the session gives %v, want %v", err, identity.ErrNotFound)
		}
	})
}
