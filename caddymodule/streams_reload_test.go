package caddymodule_test

import (
	"context"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// A stream that began under a configuration which is not the current one any more
// ends like any other, by push alone, and one of somebody else goes on.
func TestStreamsOverAReload(t *testing.T) {
	const byPush = "revocation cached 1h"
	server := identitytest.StartRedis(t)
	onServer := server.URL() + patient
	for name, test := range map[string]struct {
		redis, then string // before and after the reload
		elsewhere   bool   // it is another node that revokes
	}{
		"in memory":         {"embedded" + patient, "embedded" + patient, false},
		"here":              {onServer, onServer, false},
		"on another node":   {onServer, onServer, true},
		"by another client": {onServer, server.URL() + " {\ntimeout 29s\n}", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, config{Redis: test.redis, Realm: byPush})
			ada, bob := s.join(t, "customer", address("ada "+name)), s.join(t, "customer", address("bob "+name))
			s.ticking("/store/hers", "text/event-stream")
			k := s.ticking("/store/his", "text/event-stream")
			hers := s.stream(t, s.client, "GET", "/store/hers", append(session(ada), "Accept", "text/event-stream")...)
			his := s.stream(t, s.client, "GET", "/store/his", bearer(bob)...)
			for _, ttl := range []string{"1m", "2m"} { // and once more
				s.mustLoad(config{Redis: test.then, Realm: byPush + "\nreset_ttl " + ttl})
			}
			if test.elsewhere {
				revokeElsewhere(t, server, ada.identityID)
			} else {
				s.send(t, "DELETE", "/auth/sessions", "", bearer(ada)...)
			}
			closed(t, "hers", hers)
			k.ticks <- struct{}{}
			event(t, his)
		})
	}
}

// revokeElsewhere ends an identity's credentials as another node does.
func revokeElsewhere(t *testing.T, server *identitytest.Redis, id string) {
	t.Helper()
	client, err := redisstore.NewClient(redisstore.ClientOptions{URL: identity.NewSecret(server.URL()), Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	store, err := redisstore.New(client, redisstore.Options{Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Revoke(context.Background(), id, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := store.Announce(context.Background(), redisstore.Revocation{IdentityID: id}); err != nil {
		t.Fatal(err)
	}
}
