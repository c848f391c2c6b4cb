//go:build unix

package caddymodule_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-commerce/auth-sidecar/caddymodule"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// doctor examines the realms of a Caddyfile.
func doctor(t *testing.T, realmOptions string) (report string, err error) {
	t.Helper()
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(realm(realmOptions, "auth_sidecar")), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = caddymodule.Doctor(t.Context(), &out, config)
	return out.String(), err
}

func TestDoctorCommand(t *testing.T) {
	healthy := identitytest.StartRedis(t, "--appendonly", "yes")
	secure, _ := identitytest.StartRedisTLS(t, "--appendonly", "yes")
	locked := identitytest.StartRedis(t, "--requirepass", "another")
	ill := identitytest.StartRedis(t, "--appendonly", "yes", "--maxmemory-policy", "volatile-lru")
	for name, test := range map[string]struct {
		redis string
		ill   bool
		want  string
	}{
		"nothing is wrong": {"redis " + healthy.URL(), false, "maxmemory-policy noeviction"},
		"embedded":         {"redis embedded", false, "embedded"},
		"eviction":         {"redis " + ill.URL(), true, "set maxmemory-policy noeviction"},
		"no replica":       {"redis " + healthy.URL() + " {\nwait 1 100ms\n}", true, "0 in step, and wait wants 1"},
		"nobody there":     {"redis redis://127.0.0.1:1", true, "connection refused"},
		"no password":      {"redis " + locked.URL(), true, "correct user and password"},
		"wrong password":   {"redis " + strings.Replace(locked.URL(), "//", "//:wrong@", 1), true, "correct user and password"},
		"no ca_file":       {"redis " + secure.URL(), true, "the authority that signed it by ca_file"},
		"no address":       {"redis {env.TEST_MISSING}", true, "redis URL: evaluated placeholder {env.TEST_MISSING} is empty"},
		"variable":         {"redis {env.TEST_MISSING}", true, "the files that --envfile names"},
		"no TLS there":     {"redis " + strings.Replace(healthy.URL(), "redis:", "rediss:", 1), true, "then write redis://"},
		"TLS there":        {"redis " + strings.Replace(secure.URL(), "rediss:", "redis:", 1), true, "then write rediss://"},
		"no such database": {"redis " + strings.TrimSuffix(healthy.URL(), "/0") + "/99", true, "does not answer as the Redis that it describes"},
		"no sentinel":      {"redis " + healthy.URL() + " {\nsentinel shop\n}", true, "does not answer as the Redis that it describes"},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := doctor(t, test.redis+"\n"+goodJWT+goodSession)
			if (err != nil) != test.ill || !strings.Contains(report, test.want) || !strings.Contains(report, "realm default") {
				t.Errorf("got %v, report\n%s", err, report)
			}
		})
	}
}

// The doctor comes by itself, without keeping anybody waiting, until Redis has
// answered once.
func TestDoctorAtTheStart(t *testing.T) {
	server := identitytest.StartRedis(t, "--maxmemory-policy", "allkeys-lru")
	server.Stop()
	s := open(t, config{Redis: server.URL()})
	s.send(t, "GET", "/store/x", "").seen(t)
	if strings.Contains(s.log(), "not set up as it should be") {
		t.Error("the doctor knows what is wrong with a server that is down")
	}
	eventually(t, "the log says that Redis is down", func() bool {
		return strings.Contains(s.log(), "redis cannot be asked") && strings.Contains(s.log(), "start it, or correct the option redis")
	})
	server.Restart()
	eventually(t, "the doctor has been there", func() bool {
		return strings.Contains(s.log(), `"check":"eviction"`) && strings.Contains(s.log(), `"check":"persistence"`)
	})
	if !strings.Contains(s.log(), "set maxmemory-policy noeviction") {
		t.Error("the doctor prescribes nothing")
	}
}

// The command fails, which is status 1, when something is wrong.
func TestDoctorFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(realm("redis redis://127.0.0.1:1\n"+goodJWT+goodSession, "auth_sidecar")), 0o600); err != nil {
		t.Fatal(err)
	}
	command := caddymodule.DoctorCommand()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetErr(io.Discard)
	command.SetArgs([]string{"--config", file})
	if err := command.Execute(); err == nil || !strings.Contains(out.String(), "realm default") {
		t.Errorf("got %v: %s", err, out.String())
	}
}
