//go:build unix

package redisstore_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// healthy are the options of a server with which the doctor is content.
var healthy = []string{"--appendonly", "yes"}

// examined returns the checks of that level.
func examined(t *testing.T, o redisstore.ClientOptions, clock func() time.Time, level redisstore.Level) []string {
	t.Helper()
	o.Timeout = patient
	c, err := redisstore.NewClient(o)
	must(t, err)
	defer c.Close()
	s, err := redisstore.New(c, redisstore.Options{Timeout: patient, Clock: clock})
	must(t, err)
	findings, err := s.Examine(t.Context(), redisstore.Examination{Wait: o.Wait})
	must(t, err)
	var checks []string
	for _, f := range findings {
		if f.Detail == "" || (f.Level == redisstore.Wrong) != (f.Remedy != "") {
			t.Errorf("%+v", f)
		}
		if f.Level == level && !slices.Contains(checks, f.Check) {
			checks = append(checks, f.Check)
		}
	}
	slices.Sort(checks)
	return checks
}

func TestDoctorFinds(t *testing.T) {
	t.Parallel()
	server := func(t *testing.T, args ...string) *identitytest.Redis { return identitytest.StartRedis(t, args...) }
	at := func(r *identitytest.Redis) redisstore.ClientOptions {
		return redisstore.ClientOptions{URL: identity.NewSecret(r.URL())}
	}
	for name, test := range map[string]struct {
		start func(t *testing.T) redisstore.ClientOptions
		clock func() time.Time
		want  string
	}{
		"nothing": {start: func(t *testing.T) redisstore.ClientOptions { return at(server(t, healthy...)) }},
		"nothing, in a cluster": {start: func(t *testing.T) redisstore.ClientOptions {
			return redisstore.ClientOptions{URL: identity.NewSecret(identitytest.StartCluster(t, 0, healthy...).URL()), Cluster: true}
		}},
		"dead node": {start: func(t *testing.T) redisstore.ClientOptions {
			cluster := identitytest.StartCluster(t, 0, healthy...)
			cluster.Nodes[0].Kill()
			for _, node := range cluster.Nodes[1:] {
				identitytest.Await(t, "the others know", func() bool {
					return strings.Contains(node.MustAsk("CLUSTER", "INFO").(string), "cluster_state:fail")
				})
			}
			return redisstore.ClientOptions{URL: identity.NewSecret(cluster.URL()), Cluster: true}
		}, want: "cluster connection"},
		"eviction": {start: func(t *testing.T) redisstore.ClientOptions {
			return at(server(t, "--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"))
		}, want: "eviction"},
		"no persistence": {start: func(t *testing.T) redisstore.ClientOptions { return at(server(t)) }, want: "persistence"},
		"snapshots":      {start: func(t *testing.T) redisstore.ClientOptions { return at(server(t, "--save", "60 1")) }, want: "persistence"},
		"no fsync": {start: func(t *testing.T) redisstore.ClientOptions {
			return at(server(t, "--appendonly", "yes", "--appendfsync", "no"))
		}, want: "persistence"},
		"little memory": {start: func(t *testing.T) redisstore.ClientOptions {
			return at(server(t, "--appendonly", "yes", "--maxmemory", "500kb"))
		}, want: "memory"},
		"clock behind": {
			start: func(t *testing.T) redisstore.ClientOptions { return at(server(t, healthy...)) },
			clock: func() time.Time { return time.Now().Add(time.Minute) }, want: "clock",
		},
		"clock before": {
			start: func(t *testing.T) redisstore.ClientOptions { return at(server(t, healthy...)) },
			clock: func() time.Time { return time.Now().Add(-time.Minute) }, want: "clock",
		},
		"replica": {start: func(t *testing.T) redisstore.ClientOptions {
			return at(identitytest.StartReplicas(t, 1, healthy...).Nodes[1])
		}, want: "topology"},
		"node of a cluster": {start: func(t *testing.T) redisstore.ClientOptions {
			return at(server(t, "--appendonly", "yes", "--cluster-enabled", "yes", "--cluster-require-full-coverage", "no", "--cluster-allow-reads-when-down", "yes"))
		}, want: "topology"},
		"no cluster": {start: func(t *testing.T) redisstore.ClientOptions {
			o := at(server(t, healthy...))
			o.Cluster = true
			return o
		}, want: "topology"},
		"too few replicas": {start: func(t *testing.T) redisstore.ClientOptions {
			o := at(server(t, healthy...))
			o.Wait = redisstore.Wait{Replicas: 1, Timeout: time.Second}
			return o
		}, want: "replicas"},
		"newer data": {start: func(t *testing.T) redisstore.ClientOptions {
			r := server(t, healthy...)
			r.MustAsk("HSET", "auth:meta", "schema", "99", "min_reader", "99")
			return at(r)
		}, want: "schema"},
		"few rights": {start: func(t *testing.T) redisstore.ClientOptions {
			return at(identitytest.StartRedisACL(t, "~auth:* &auth:* "+redisstore.CommandRules+" -getdel", healthy...))
		}, want: "permissions"},
		"fewer rights": {start: func(t *testing.T) redisstore.ClientOptions {
			return at(identitytest.StartRedisACL(t, "~auth:* &auth:* "+redisstore.CommandRules+" -getdel -acl", healthy...))
		}, want: "permissions"},
		"other keys": {start: func(t *testing.T) redisstore.ClientOptions {
			return at(identitytest.StartRedisACL(t, "~shop:* &auth:* "+redisstore.CommandRules, healthy...))
		}, want: "permissions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(examined(t, test.start(t), test.clock, redisstore.Wrong), " "); got != test.want {
				t.Errorf("found wrong: %s, want %s", got, test.want)
			}
		})
	}
}

// TestDoctorIsNotLet: a managed server that says nothing of itself is not ill.
func TestDoctorIsNotLet(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedisACL(t, "~auth:* &auth:* "+redisstore.CommandRules+" -info -config -acl -time -role -cluster", healthy...)
	o := redisstore.ClientOptions{URL: identity.NewSecret(r.URL())}
	if got := examined(t, o, nil, redisstore.Wrong); got != nil {
		t.Errorf("found wrong: %v", got)
	}
	if got := strings.Join(examined(t, o, nil, redisstore.Unchecked), " "); got != "clock eviction memory persistence replicas topology version" {
		t.Errorf("could not check %s", got)
	}
}

func TestDoctorCannotAsk(t *testing.T) {
	t.Parallel()
	r := identitytest.StartRedis(t)
	s := newStoreAt(t, r.URL(), shortly)
	r.Stop()
	if findings, err := s.Examine(t.Context(), redisstore.Examination{}); identity.ReasonOf(err) != "store_refused" || findings != nil {
		t.Errorf("got %v, %v", findings, err)
	}
	cluster := identitytest.StartCluster(t, 0)
	o := redisstore.ClientOptions{URL: identity.NewSecret(cluster.URL()), Timeout: patient, Cluster: true}
	known, unknown := newStoreBy(t, o), newStoreBy(t, o)
	if _, err := known.Examine(t.Context(), redisstore.Examination{}); err != nil {
		t.Fatal(err)
	}
	for _, node := range cluster.Nodes {
		node.Kill()
	}
	for _, s := range []*redisstore.Store{known, unknown} {
		findings, err := s.Examine(t.Context(), redisstore.Examination{})
		if identity.ReasonOf(err) != "store_refused" || findings != nil {
			t.Errorf("of a cluster: got %v, %v", findings, err)
		}
	}
}

// TestDoctorKnowsTheScripts: it asks about every command that they call.
func TestDoctorKnowsTheScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("scripts/*.lua")
	must(t, err)
	call := regexp.MustCompile(`redis\.p?call\('([A-Z]+)'(?:, '(GROUPS|CONSUMERS|DELCONSUMER|DESTROY|CREATE)')?`)
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, match := range call.FindAllStringSubmatch(string(text), -1) {
			found++
			want := strings.ToLower(match[1]) + " " + match[2]
			if !slices.ContainsFunc(redisstore.CommandsSent, func(c string) bool { return strings.HasPrefix(c+" ", want) }) {
				t.Errorf("%s calls %s, which the doctor does not ask about", file, want)
			}
		}
	}
	if found < 50 {
		t.Errorf("found %d calls", found)
	}
}
