package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// The largest log-in that the domain begins takes less than 3 KiB, and a larger
// one is not kept.
func TestAttemptSize(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	store, err := redisstore.New(client, redisstore.Options{Prefix: "auth:", Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	hash, random := strings.Repeat("5", 64), identity.NewSecret(strings.Repeat("_", 43))
	largest := identity.Attempt{
		Provider: strings.Repeat("p", 64), ActorType: strings.Repeat("a", 64), Host: hash,
		CallbackURL: "https://shop.example/callback?" + strings.Repeat("&", 2018),
		Verifier:    random, Nonce: random.Reveal(), Browser: hash, Returned: true, LinkTo: strings.Repeat("i", 128),
		ExpiresAt: time.Now().Add(identity.AttemptTTL),
	}
	if err := store.KeepAttempt(t.Context(), hash, largest); err != nil {
		t.Fatal(err)
	}
	for _, key := range server.Keys() {
		value, err := server.Get(key)
		if size := len(key) + len(value); err != nil || size > 3<<10 {
			t.Errorf("%s takes %d bytes, %v", key, size, err)
		}
	}
	larger := largest
	larger.Host = strings.Repeat(`"`, 1<<10)
	if err := store.KeepAttempt(t.Context(), strings.Repeat("6", 64), larger); identity.CodeOf(err) != identity.CodeInternal {
		t.Errorf("got %v", err)
	}
	if keys := server.Keys(); len(keys) != 1 {
		t.Errorf("kept %q", keys)
	}
}
