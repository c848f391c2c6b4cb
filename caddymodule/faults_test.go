package caddymodule_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

const faultSite = "auth_sidecar {\ncors https://shop.example.com\n}\nauth_require /mine* *\nauth_require /optional* * {\noptional\n}\n" + mayJoin + "reverse_proxy {backend}"

// tell sends a command to a Redis, which wants a password or none.
func tell(t *testing.T, server *identitytest.Redis, password string, command ...any) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: password})
	defer client.Close()
	if err := client.Do(t.Context(), command...).Err(); err != nil {
		t.Fatalf("%v: %v", command, err)
	}
}

// faults are the ways in which nothing can be asked of a store, with what ends
// them.
func faults(t *testing.T, server *identitytest.Redis, relay *identitytest.Relay) map[string]struct{ start, end func() } {
	return map[string]struct{ start, end func() }{
		"stopped": {func() { server.Kill() }, server.Restart},
		"paused":  {func() { server.Pause() }, func() { server.Resume() }}, // of the process that runs then
		"slow": {
			func() { relay.Set(func([]string) identitytest.Fate { return identitytest.Fate{Delay: time.Hour} }) },
			func() { relay.Set(nil) },
		},
		"password changed": {
			func() {
				tell(t, server, "", "CONFIG", "SET", "requirepass", "other")
				relay.Cut() // known connections stay good
			},
			func() { tell(t, server, "other", "CONFIG", "SET", "requirepass", "") },
		},
	}
}

// When the store cannot be asked, whoever shows a credential is told to try
// again: never that it is bad, and no cookie is touched. Others notice nothing.
// Without a restart everything works again when the store does (attack K1).
func TestStoreFaults(t *testing.T) {
	server := identitytest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	relay := identitytest.StartRelay(t, server.Addr())
	s := open(t, config{Redis: relay.URL() + " {\ntimeout 1s\n}", Session: "rolling", Realm: "revocation strict\nnotify stream", Site: faultSite})
	ada := s.join(t, "customer", "ada@example.com")
	for name, fault := range faults(t, server, relay) {
		t.Run(name, func(t *testing.T) {
			fault.start()
			s.refusesCredentials(t, ada)
			// Who shows nothing, or what needs no store to be refused, is as before.
			s.send(t, "GET", "/store/x", "").seen(t)
			s.send(t, "GET", "/optional", "").seen(t)
			s.send(t, "GET", "/store/x", "", basic...).seen(t)
			s.send(t, "GET", "/mine", "").want(t, http.StatusUnauthorized, unauthorized)
			s.send(t, "GET", "/mine", "", "Authorization", "Bearer garbage").want(t, http.StatusUnauthorized, unauthorized)
			s.send(t, "GET", "/store/x", "", "Cookie", "connect.sid=garbage").seen(t)

			fault.end()
			for _, credential := range [][]string{bearer(ada), session(ada)} {
				eventually(t, "the store is asked again", func() bool {
					r := s.send(t, "GET", "/mine", "", credential...)
					if r.StatusCode == http.StatusServiceUnavailable {
						return false
					}
					wantIdentity(t, r.seen(t), ada.identity()) // nothing else but 503 and this
					return true
				})
			}
			s.register(t, "customer", address("after "+name))
		})
	}
}

// refusesCredentials sends every kind of request that needs the store, all at
// once: each takes as long as the store may.
func (s *shop) refusesCredentials(t *testing.T, p person) {
	t.Helper()
	var all sync.WaitGroup
	defer all.Wait()
	for _, target := range []string{"/store/x", "/mine", "/optional"} {
		for name, credential := range map[string][]string{"bearer": bearer(p), "session": session(p), "both": slices.Concat(session(p), bearer(p))} {
			all.Go(func() {
				r := s.send(t, "GET", target, "", slices.Concat(credential, []string{"Origin", "https://shop.example.com"})...)
				r.wantUnavailable(t)
				if r.Header.Get("Echo") != "" || r.Header.Get("Access-Control-Allow-Origin") != "https://shop.example.com" {
					t.Errorf("%s by %s: header %v", target, name, r.Header)
				}
			})
		}
	}
	for _, route := range []struct {
		method, target, body string
		header               []string
	}{
		{"POST", "/auth/customer/emailpass/register", logInBody("new@example.com"), nil},
		{"POST", "/auth/customer/emailpass", logInBody(p.email), nil},
		{"POST", "/auth/customer/emailpass/reset-password", `{"identifier":"ada@example.com"}`, nil},
		{"POST", "/auth/token/refresh", "", bearer(p)},
		{"POST", "/auth/token/refresh", "", session(p)},
		{"POST", "/auth/session", "", bearer(p)},
		{"DELETE", "/auth/session", "", session(p)},
	} {
		all.Go(func() {
			s.send(t, route.method, route.target, route.body, route.header...).wantUnavailable(t)
		})
	}
}

// A store that takes no writes still verifies; what must be written is refused
// with 503 and is not half done.
func TestReadOnlyStore(t *testing.T) {
	for name, command := range map[string][]any{
		"out of memory": {"CONFIG", "SET", "maxmemory", "1"},
		"no replicas":   {"CONFIG", "SET", "min-replicas-to-write", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			server := identitytest.StartRedis(t)
			s := open(t, config{Redis: server.URL(), Session: "rolling\nttl 5s", Realm: "revocation strict\nnotify stream", Site: faultSite})
			ada := s.join(t, "customer", "ada@example.com")
			tell(t, server, "", command...)
			wantIdentity(t, s.send(t, "GET", "/mine", "", bearer(ada)...).seen(t), ada.identity())
			wantIdentity(t, s.send(t, "GET", "/mine", "", session(ada)...).seen(t), ada.identity())
			s.send(t, "POST", "/auth/customer/emailpass/register", logInBody("new@example.com")).wantUnavailable(t)
			s.send(t, "POST", "/auth/session", "", bearer(ada)...).wantUnavailable(t)
			s.send(t, "POST", "/auth/customer/emailpass/reset-password", `{"identifier":"ada@example.com"}`).wantUnavailable(t)
			if name != "out of memory" { // then a deletion is taken
				s.send(t, "DELETE", "/auth/session", "", session(ada)...).wantUnavailable(t)
			}
			eventually(t, "a rolling session is not prolonged, and works", func() bool {
				r := s.send(t, "GET", "/mine", "", session(ada)...)
				wantIdentity(t, r.seen(t), ada.identity())
				if r.Header["Set-Cookie"] != nil {
					t.Fatalf("got %v", r.Header["Set-Cookie"])
				}
				return strings.Contains(s.log(), "session was not prolonged")
			})
		})
	}
}

// The log says once that revocations of other nodes are not heard, and once that they
// are again.
func TestLossOfRevocationsIsLogged(t *testing.T) {
	server := identitytest.StartRedis(t)
	s := open(t, config{Redis: server.URL()})
	logged := func(what string) {
		t.Helper()
		eventually(t, "the log says: "+what, func() bool { return strings.Contains(s.log(), `"`+what+`"`) })
	}
	logged("listening to revocations of other nodes")
	if strings.Contains(s.log(), "of other nodes again") {
		t.Error("the first time is none again")
	}
	server.Kill()
	logged("not listening to revocations of other nodes; they are found out by age")
	server.Restart()
	logged("listening to revocations of other nodes again")
	if n := strings.Count(s.log(), `"listening to revocations of other nodes again"`); n != 1 {
		t.Errorf("the log says it %d times", n)
	}
}

// What the store said a moment ago is believed while it is away, but not for
// longer than the configuration says; and never about anybody else.
func TestCachedAnswersWhileTheStoreIsDown(t *testing.T) {
	for name, age := range map[string]string{"for long": "1h", "for a moment": "300ms"} {
		t.Run(name, func(t *testing.T) {
			server := identitytest.StartRedis(t)
			s := open(t, config{Redis: server.URL() + " {\ntimeout 1s\n}", Realm: "revocation cached " + age + "\nnotify stream", Site: faultSite})
			// What was cached before a configuration listens to others is forgotten then.
			listened := func() int { return strings.Count(s.log(), `"listening to revocations of other nodes"`) }
			eventually(t, "the configuration listens", func() bool { return listened() > 0 })
			ada, bob := s.join(t, "customer", "ada@example.com"), s.join(t, "customer", "bob@example.com")
			before := listened()
			s.mustLoad(config{Redis: server.URL() + " {\ntimeout 1s\n}", Realm: "revocation cached " + age + "\nnotify stream\nreset_ttl 10m", Site: faultSite}) // nothing is cached
			eventually(t, "the next one listens", func() bool { return listened() > before })
			for _, credential := range [][]string{bearer(ada), session(ada)} {
				wantIdentity(t, s.send(t, "GET", "/mine", "", credential...).seen(t), ada.identity())
			}
			server.Kill()
			for _, credential := range [][]string{bearer(bob), session(bob)} {
				s.send(t, "GET", "/mine", "", credential...).wantUnavailable(t)
			}
			for _, credential := range [][]string{bearer(ada), session(ada)} {
				ended := false
				for i := 0; i < 50 || age != "1h" && !ended; i++ {
					r := s.send(t, "GET", "/mine", "", credential...)
					if ended = r.StatusCode == http.StatusServiceUnavailable; ended {
						break
					}
					wantIdentity(t, r.seen(t), ada.identity())
				}
				if ended != (age != "1h") {
					t.Errorf("answers are believed for %s, and that has ended: %t", age, ended)
				}
			}
		})
	}
}
