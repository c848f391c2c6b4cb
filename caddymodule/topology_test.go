//go:build unix

package caddymodule_test

import (
	"encoding/json"
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
	s := open(t, config{Redis: redis + "10s\n}", Site: olderFaultSite})
	ada, cea := s.join(t, "customer", "ada@example.com"), s.join(t, "customer", "cea@example.com")
	dan, eve := s.join(t, "customer", "dan@example.com"), s.join(t, "user", "eve@example.com")
	const register = "/auth/customer/emailpass/register"
	body := logInBody("bea@example.com")
	s.mustLoad(config{Redis: redis + "50ms\n}", Site: olderFaultSite})
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
	of := "/auth/sessions/" + s.onlySession(t, dan)
	for range 2 { // the second finds nothing left to end
		refused("DELETE", "/auth/session", "", session(ada)...)
		refused("DELETE", "/auth/sessions", "", bearer(cea)...)
		refused("DELETE", of, "", bearer(dan)...)
		refused("DELETE", "/admin/auth", "", session(eve)...)
	}
	if !strings.Contains(s.log(), `"reason":"write_not_replicated"`) || !strings.Contains(s.log(), `"remedy":"fewer replicas`) {
		t.Error("the log does not say why")
	}
	s.send(t, "GET", "/mine", "", bearer(ada)...).seen(t) // what only reads goes on

	servers.Mend()
	s.mustLoad(config{Redis: redis + "10s\n}", Site: olderFaultSite})
	if r := s.send(t, "POST", register, body); r.StatusCode != http.StatusOK {
		t.Errorf("registering again gives %d %s", r.StatusCode, r.body)
	}
	// Now it is safe, and each is told so.
	for range 2 {
		r := s.send(t, "DELETE", "/auth/session", "", session(ada)...)
		if r.StatusCode != http.StatusOK || !strings.HasPrefix(r.Header.Get("Set-Cookie"), "connect.sid=;") {
			t.Errorf("logging out again gives %d %v", r.StatusCode, r.Header)
		}
		if r := s.send(t, "DELETE", "/admin/auth", "", session(eve)...); r.StatusCode != http.StatusOK || !strings.HasPrefix(r.Header.Get("Set-Cookie"), "connect.sid=;") {
			t.Errorf("logging out of the older dashboard again gives %d %v", r.StatusCode, r.Header)
		}
	}
	s.send(t, "DELETE", "/auth/session", "", append(session(ada), "Origin", "https://evil.example.com")...).want(t, http.StatusUnauthorized, unauthorized)
	s.send(t, "DELETE", "/auth/sessions", "", bearer(cea)...).want(t, http.StatusUnauthorized, unauthorized)
	wantStatus(t, s.send(t, "DELETE", of, "", bearer(dan)...), http.StatusNotFound)
	for _, p := range []person{ada, cea, dan, eve} {
		s.send(t, "GET", "/mine", "", session(p)...).want(t, http.StatusUnauthorized, unauthorized)
	}
	// A store that waits for none leaves nothing open.
	s.mustLoad(config{Redis: servers.Nodes[0].URL(), Site: olderFaultSite})
	s.send(t, "DELETE", "/auth/session", "", session(ada)...).want(t, http.StatusUnauthorized, unauthorized)
	wantStatus(t, s.send(t, "DELETE", "/admin/auth", "", session(eve)...), http.StatusUnauthorized)
}

// olderFaultSite is faultSite with both dialects.
var olderFaultSite = strings.Replace(faultSite, "auth_sidecar {", "auth_sidecar {\ndialect v2 v1", 1)

// onlySession returns the public id of the person's one session.
func (s *shop) onlySession(t *testing.T, p person) string {
	t.Helper()
	r := s.send(t, "GET", "/auth/sessions", "", bearer(p)...)
	var body struct{ Sessions []struct{ ID string } }
	if err := json.Unmarshal([]byte(r.body), &body); err != nil || len(body.Sessions) != 1 {
		t.Fatalf("%d %s: %v", r.StatusCode, r.body, err)
	}
	return body.Sessions[0].ID
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
