//go:build unix && medusa

package medusa

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

// medusaSecret signs Medusa's tokens; the sidecar's own secret is another one.
var medusaSecret = strings.Repeat("m", 32)

// shopOrigin is where the storefront is.
const shopOrigin = "http://localhost:8000"

// stores are what a Medusa keeps its data in.
type stores struct {
	postgres *e2e.Postgres
	redis    *identitytest.Redis
	events   string // file that its subscriber writes to
}

// medusa is a Medusa of its own for one test, on 127.0.0.1.
type medusa struct {
	*identitytest.Process
	seeds
	stores

	t        *testing.T
	template template
	port     string
	env      []string // of the next start, beside what every shop has
}

// startMedusa starts Medusa on data as the seeds have left them.
func startMedusa(t *testing.T) *medusa {
	t.Helper()
	made := install(t)
	return made.start(t, stores{
		postgres: e2e.StartPostgres(t, filepath.Join(made.dir, "postgres")),
		redis:    identitytest.StartRedis(t),
	})
}

// start starts Medusa on those stores. It ends with the test.
func (m template) start(t *testing.T, s stores) *medusa {
	t.Helper()
	s.events = filepath.Join(t.TempDir(), "events.jsonl")
	server := &medusa{seeds: m.seeds, stores: s, t: t, template: m, port: strconv.Itoa(identitytest.FreePort(t))}
	server.Restart()
	return server
}

// Restart starts Medusa again, at the same address and on the same data; one that
// still runs is stopped first.
func (s *medusa) Restart() {
	s.t.Helper()
	if s.Process != nil {
		s.Stop()
	}
	cmd := s.template.command(s.t, s.template.serverDir(), s.stores, "start", "--host", "127.0.0.1", "--port", s.port)
	cmd.Env = append(cmd.Env, s.env...)
	s.Process = identitytest.StartServer(s.t, cmd, s.addr())
}

func (s *medusa) addr() string { return net.JoinHostPort("127.0.0.1", s.port) }

func (s *medusa) url() string { return "http://" + s.addr() }

// command is Medusa's command line tool, run in dir with nothing but the settings
// of a shop in its environment.
func (m template) command(t *testing.T, dir string, s stores, args ...string) *exec.Cmd {
	// The test's context is cancelled before its processes are stopped.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "node",
		append([]string{filepath.Join(m.dir, "node_modules/@medusajs/cli/cli.js")}, args...)...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8", "MEDUSA_DISABLE_TELEMETRY=true",
		"LOG_LEVEL=warn", // else it logs every request
		// Neither of the names that Medusa knows: with development it would serve the
		// dashboard's sources, with production send no cookie over http.
		"NODE_ENV=e2e",
		"STORE_CORS=" + shopOrigin, "ADMIN_CORS=" + shopOrigin, "AUTH_CORS=" + shopOrigin,
		"JWT_SECRET=" + medusaSecret, "COOKIE_SECRET=" + strings.Repeat("k", 32),
		"EVENT_LOG=" + s.events,
	}
	if s.postgres != nil {
		cmd.Env = append(cmd.Env, "DATABASE_URL="+s.postgres.URL(), "REDIS_URL="+s.redis.URL())
	}
	return cmd
}
