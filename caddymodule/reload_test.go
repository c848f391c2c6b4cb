package caddymodule_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/caddymodule"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// Thirty reloads, and nobody notices: no request fails, no session is lost, what
// is in memory stays there, and nothing is left behind (attack F11).
func TestReloads(t *testing.T) {
	for name, redis := range map[string]func() string{
		"embedded": func() string { return "embedded" },
		"server":   func() string { return identitytest.StartRedis(t).URL() },
	} {
		t.Run(name, func(t *testing.T) {
			base := config{Redis: redis() + patient, NoKeys: name == "embedded", Session: "rolling\nttl 10s", Site: "auth_sidecar\nauth_require /mine customer\n" + mayJoin + "reverse_proxy {backend}"}
			s := open(t, base)
			ada := s.join(t, "customer", "ada@example.com")

			atRest := ownGoroutines()
			stop := make(chan struct{})
			var busy sync.WaitGroup
			var served atomic.Int64
			for _, credential := range [][]string{bearer(ada), session(ada)} {
				busy.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						r, err := s.again(t, "/mine", credential)
						if err != nil {
							t.Errorf("during a reload: %v", err)
							return
						}
						if got := readResponse(t, r); got.StatusCode != http.StatusOK || got.Header.Get("Echo") == "" {
							t.Errorf("during a reload: %d %s", got.StatusCode, got.body)
							return
						}
						served.Add(1)
					}
				})
			}
			for i := range 30 {
				next := base
				next.Realm = fmt.Sprintf("reset_ttl %dm", i+1)
				s.mustLoad(next)
				before := served.Load()
				eventually(t, "requests are served after a reload", func() bool { return served.Load() > before+2 || t.Failed() })
			}
			close(stop)
			busy.Wait()
			eventually(t, "reloads leave no goroutines behind", func() bool { return ownGoroutines() <= atRest })
			if connected, references := caddymodule.PooledConnections(); connected != 1 || references != 1 {
				t.Errorf("%d connections with %d references after the reloads", connected, references)
			}
			again := s.send(t, "POST", "/auth/customer/emailpass", logInBody(ada.email))
			if again.StatusCode != http.StatusOK {
				t.Errorf("logging in after the reloads: %d %s", again.StatusCode, again.body)
			}
		})
	}
	if connected, references := caddymodule.PooledConnections(); connected != 0 || references != 0 {
		t.Errorf("%d connections with %d references after the end", connected, references)
	}
}

// patient is for tests that are not about a slow Redis and load the machine.
const patient = " {\ntimeout 30s\n}"

// again sends a GET until there is an answer, for a moment. A connection that
// waits in the queue of a listener which Caddy closes is reset, whatever the
// handlers are; browsers and proxies send what is safe again then (RFC 9110,
// section 9.2.2).
func (s *shop) again(t *testing.T, target string, credential []string) (r *http.Response, err error) {
	for range 10 {
		if r, err = s.client.Do(s.request(t, "GET", target, "", credential...)); err == nil {
			return r, nil
		}
	}
	return nil, err
}

// A configuration that cannot be loaded leaves the running one as it is, though
// both name the same store.
func TestFailedReload(t *testing.T) {
	s := open(t, config{})
	ada := s.join(t, "customer", "ada@example.com")
	for name, bad := range map[string]config{
		"Caddyfile":    {Session: "}\njwt {\n"}, // jwt twice
		"provider":     {Realm: "actor customer google"},
		"notifier":     {Realm: "notify webhook {env.TEST_MISSING} {\nsecret {env.TEST_JWT_SECRET}\n}"},
		"realm":        {Site: "auth_sidecar {\nrealm shop2\n}\nreverse_proxy {backend}"},
		"second realm": {Global: "auth_sidecar shop2 {\nredis redis://127.0.0.1:1\n}"},
		"other app":    {Site: "auth_sidecar\nreverse_proxy {backend} {\ntransport nothing\n}"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.load(bad); err == nil {
				t.Fatal("it was loaded")
			}
			for _, credential := range [][]string{bearer(ada), session(ada)} {
				wantIdentity(t, s.send(t, "GET", "/store/x", "", credential...).seen(t), ada.identity())
			}
			if connected, references := caddymodule.PooledConnections(); connected != 1 || references != 1 {
				t.Errorf("%d connections with %d references", connected, references)
			}
		})
	}
	s.register(t, "customer", "bob@example.com")
}

// A request that runs while the store's address changes ends with the old store.
func TestReloadBesideARunningRequest(t *testing.T) {
	first, second := identitytest.StartRedis(t), identitytest.StartRedis(t)
	s := open(t, config{Redis: first.URL()})
	ada := s.register(t, "customer", "ada@example.com")
	arrived, goOn := make(chan struct{}), make(chan struct{})
	s.on("/store/customers", func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-goOn
		writeJSON(w, `{"customer":{"id":"cus_1"}}`)
	})
	answers := make(chan response, 1)
	go func() { answers <- s.send(t, "POST", "/store/customers", "{}", "Authorization", ada.bearer) }()
	<-arrived
	s.mustLoad(config{Redis: second.URL()})
	if connected, references := caddymodule.PooledConnections(); connected != 1 || references != 1 {
		t.Errorf("%d connections with %d references", connected, references)
	}
	close(goOn)
	if r := <-answers; r.StatusCode != http.StatusOK {
		t.Fatalf("got %d %s", r.StatusCode, r.body)
	}
	if r := s.send(t, "POST", "/auth/token/refresh", "", "Authorization", ada.bearer); r.StatusCode == http.StatusOK {
		t.Errorf("the new store knows her: %d %s", r.StatusCode, r.body)
	}
	s.mustLoad(config{Redis: first.URL()})
	if got := s.actorOf(t, ada); got != "cus_1" {
		t.Errorf("linked to %q", got)
	}
}

// Several realms share a connection, and a reload that drops one keeps it for
// the others; what is in one realm is in no other.
func TestRealms(t *testing.T) {
	server := identitytest.StartRedis(t)
	shop2 := "auth_sidecar shop2 {\nredis " + server.URL() + "\njwt {\nsecret {env.TEST_JWT_SECRET}\n}\nsession {\nsecret {env.TEST_COOKIE_SECRET}\n}\n}"
	both := config{Redis: server.URL(), Global: shop2, Site: `auth_sidecar /shop2/* {
	realm shop2
	prefix /shop2/auth
}
@shop1 not path /shop2/*
auth_sidecar @shop1
auth_require /mine customer
auth_require /shop2/mine customer
` + mayJoin + `reverse_proxy {backend}`}
	s := open(t, both)
	if connected, references := caddymodule.PooledConnections(); connected != 1 || references != 2 {
		t.Errorf("%d connections with %d references", connected, references)
	}
	ada := s.join(t, "customer", "ada@example.com")
	wantIdentity(t, s.send(t, "GET", "/mine", "", bearer(ada)...).seen(t), ada.identity())
	for _, credential := range [][]string{bearer(ada), session(ada)} { // the keys are the same, the people are not
		s.send(t, "GET", "/shop2/mine", "", credential...).want(t, http.StatusUnauthorized, unauthorized)
	}
	r := s.send(t, "POST", "/shop2/auth/customer/emailpass", logInBody(ada.email))
	if r.StatusCode != http.StatusUnauthorized || !strings.Contains(r.body, "Invalid email or password") {
		t.Errorf("got %d %s", r.StatusCode, r.body)
	}
	s.mustLoad(config{Redis: server.URL()})
	if connected, references := caddymodule.PooledConnections(); connected != 1 || references != 1 {
		t.Errorf("%d connections with %d references without the second realm", connected, references)
	}
	again, err := s.again(t, "/store/x", session(ada))
	if err != nil {
		t.Fatal(err)
	}
	wantIdentity(t, readResponse(t, again).seen(t), ada.identity())
}
