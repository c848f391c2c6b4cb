//go:build unix

package redisstore_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// otherBackends are kinds of server that differ in how one gets there. Tests use
// other prefixes than auth:, so the user gets all keys; TestUserOfFewRights has
// the rules that are documented.
var otherBackends = map[string]func(t testing.TB) func(t testing.TB) redis.UniversalClient{
	"sentinel": func(t testing.TB) func(testing.TB) redis.UniversalClient {
		o := sentinelOptions(identitytest.StartSentinels(t, 1))
		o.Timeout = patient
		return connecting(o)
	},
	"tls": func(t testing.TB) func(testing.TB) redis.UniversalClient {
		server, caFile := identitytest.StartRedisTLS(t)
		return connecting(redisstore.ClientOptions{URL: identity.NewSecret(server.URL()), CAFile: caFile, Timeout: patient})
	},
	"acl": func(t testing.TB) func(testing.TB) redis.UniversalClient {
		rules := "~test* &test* " + redisstore.CommandRules
		return connecting(redisstore.ClientOptions{URL: identity.NewSecret(identitytest.StartRedisACL(t, rules).URL()), Timeout: patient})
	},
}

// TestEveryCallByTopology: each command that there is goes through.
func TestEveryCallByTopology(t *testing.T) {
	t.Parallel()
	for name, start := range otherBackends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyCall(t, newStore(t, start(t)(t), time.Now))
		})
	}
}

// TestUserOfFewRights has exactly the rules that the documentation gives.
func TestUserOfFewRights(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/configuration.md")
	must(t, err)
	if !strings.Contains(string(text), " "+redisstore.UserRules(redisstore.DefaultPrefix)+"\n") {
		t.Error("other rules are documented")
	}
	server := identitytest.StartRedisACL(t, redisstore.UserRules(redisstore.DefaultPrefix))
	everyCall(t, newStoreAt(t, server.URL(), patient))
	for _, command := range [][]any{{"FLUSHALL"}, {"KEYS", "*"}, {"GET", "other"}, {"CONFIG", "SET", "maxmemory", "1"}, {"ACL", "LIST"}, {"SCRIPT", "FLUSH"}} {
		if _, err := server.Ask(command...); !redis.HasErrorPrefix(err, "NOPERM") {
			t.Errorf("%v gave %v", command, err)
		}
	}
}

// everyCall makes every call of a store, its queue and its stream of events.
func everyCall(t *testing.T, s *redisstore.Store) {
	t.Helper()
	must(t, s.Create(t.Context(), someone()))
	for name, call := range calls(s) {
		if err := call(t.Context()); identity.CodeOf(err) == identity.CodeUnavailable {
			t.Errorf("%s: got %v", name, err)
		}
	}
	must(t, s.Announce(t.Context(), redisstore.Revocation{IdentityID: alice}))
	queue := s.Queue()
	must(t, queue.Enqueue(t.Context(), identity.ResetRequest{}))
	take := func() (taken string) {
		t.Helper()
		must(t, queue.Take(t.Context(), "g", "c", 1, lease, func(id string, _ int, _ identity.ResetRequest, err error) {
			must(t, err)
			taken = id
		}))
		return taken
	}
	must(t, queue.PutBack(t.Context(), "g", "c", take(), lease, 0))
	must(t, queue.Done(t.Context(), "g", take()))
	must(t, queue.Sweep(t.Context(), lease))
}
