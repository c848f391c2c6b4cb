//go:build unix && medusa

package medusav1

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// medusaSecret signs Medusa's tokens; the sidecar's own secret is another one.
var medusaSecret = strings.Repeat("m", 32)

// shopOrigin is where the storefront is, and adminOrigin where the dashboard is.
const (
	shopOrigin  = "http://localhost:8000"
	adminOrigin = "http://localhost:7001"
)

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
	cmd := s.template.command(s.t, s.stores, filepath.Join(s.template.dir, "serve.js"))
	cmd.Env = append(cmd.Env, "PORT="+s.port)
	s.Process = identitytest.StartServer(s.t, cmd, s.addr())
}

func (s *medusa) addr() string { return net.JoinHostPort("127.0.0.1", s.port) }

func (s *medusa) url() string { return "http://" + s.addr() }

// command runs a script of Medusa with nothing but the settings of a shop in its
// environment.
func (m template) command(t *testing.T, s stores, script string, args ...string) *exec.Cmd {
	// The test's context is cancelled before its processes are stopped.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "node", append([]string{script}, args...)...)
	cmd.Dir = m.dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8", "MEDUSA_DISABLE_TELEMETRY=true",
		"LOG_LEVEL=warn",
		"NODE_ENV=e2e", // with production it would send no cookie over http
		// The page of the browser test has a port of its own at every run.
		"STORE_CORS=" + shopOrigin + `,/^http:\/\/127\.0\.0\.1:\d+$/`, "ADMIN_CORS=" + adminOrigin,
		"JWT_SECRET=" + medusaSecret, "COOKIE_SECRET=" + strings.Repeat("k", 32),
		"EVENT_LOG=" + s.events,
		"DATABASE_URL=" + s.postgres.URL(), "REDIS_URL=" + s.redis.URL(),
	}
	return cmd
}
