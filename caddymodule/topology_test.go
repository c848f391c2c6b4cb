//go:build unix

package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// Behind sentinels and in a cluster, people sign up, come back and log out; and
// they still do when another server has become master (attack K2).
func TestTopologies(t *testing.T) {
	const patience = "timeout 20s\nwait 1 10s\n"
	behind, cluster := identitytest.StartSentinels(t, 2), identitytest.StartCluster(t, 1)
	for name, test := range map[string]struct {
		redis    string
		failover func()
	}{
		"sentinels": {
			behind.URL() + " {\nsentinel " + identitytest.SentinelMaster + "\n" + patience + "}",
			func() { master := behind.Master(); master.Kill(); behind.AwaitFailover(master) },
		},
		"cluster": {
			cluster.URL() + " {\ncluster\n" + patience + "}",
			func() {
				master := cluster.Masters()[0]
				master.Kill()
				cluster.AwaitFailover(master)
				master.Restart()
				cluster.AwaitWhole()
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, config{Redis: test.redis, Realm: "revocation strict", Site: faultSite})
			ada := s.join(t, "customer", "ada@example.com")
			test.failover()
			eventually(t, "the store is asked again", func() bool {
				r := s.send(t, "GET", "/mine", "", bearer(ada)...)
				if r.StatusCode != http.StatusOK && r.StatusCode != http.StatusServiceUnavailable {
					t.Fatalf("a good bearer gets %d", r.StatusCode)
				}
				return r.StatusCode == http.StatusOK
			})
			s.send(t, "GET", "/mine", "", session(ada)...).seen(t)
			s.join(t, "customer", "bea@example.com")
		})
	}
}

// Nobody is told that it is done until the replicas have it, also who asks again
// for what the master has already; and asking once more ends well.
func TestNothingIsDoneWithoutReplicas(t *testing.T) {
	servers := identitytest.StartReplicas(t, 1)
	redis := servers.Nodes[0].URL() + " {\ntimeout 20s\nwait 1 "
	s := open(t, config{Redis: redis + "10s\n}", Site: faultSite})
	ada := s.join(t, "customer", "ada@example.com")
	const register = "/auth/customer/emailpass/register"
	body := logInBody("bea@example.com")
	s.mustLoad(config{Redis: redis + "50ms\n}", Site: faultSite})
	servers.Cut()
	refused := func(method, target, body string, header ...string) {
		t.Helper()
		r := s.send(t, method, target, body, header...)
		if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || r.Header.Get("Set-Cookie") != "" || strings.Contains(r.body, `"token"`) {
			t.Errorf("%s %s gives %d %v %s", method, target, r.StatusCode, r.Header, r.body)
		}
	}
	refused("POST", register, body)
	refused("POST", register, body)
	refused("POST", "/auth/session", "", bearer(ada)...)
	refused("DELETE", "/auth/session", "", session(ada)...)
	if !strings.Contains(s.log(), "write_not_replicated") {
		t.Error("the log does not say why")
	}
	s.send(t, "GET", "/mine", "", bearer(ada)...).seen(t) // what only reads goes on

	servers.Mend()
	s.mustLoad(config{Redis: redis + "10s\n}", Site: faultSite})
	if r := s.send(t, "POST", register, body); r.StatusCode != http.StatusOK {
		t.Errorf("registering again gives %d %s", r.StatusCode, r.body)
	}
	s.send(t, "GET", "/mine", "", session(ada)...).want(t, http.StatusUnauthorized, unauthorized)
}

// A server that became a replica may not know what is revoked at its master
// (attack K3).
func TestReplicaIsNotBelieved(t *testing.T) {
	server := identitytest.StartRedis(t)
	s := open(t, config{Redis: server.URL() + " {\ntimeout 5s\n}", Realm: "revocation strict\nnotify stream", Site: faultSite})
	ada := s.join(t, "customer", "ada@example.com")
	server.MustAsk("REPLICAOF", "127.0.0.1", "1")
	server.MustAsk("CLIENT", "KILL", "TYPE", "normal") // as sentinels do
	for range 3 {
		s.refusesCredentials(t, ada)
	}
	server.MustAsk("REPLICAOF", "NO", "ONE")
	eventually(t, "it is asked again", func() bool {
		return s.send(t, "GET", "/mine", "", bearer(ada)...).StatusCode == http.StatusOK
	})
}
