//go:build unix

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// MedusaSecret signs a Medusa's tokens; the sidecar's own secret is another one.
var MedusaSecret = strings.Repeat("m", 32)

// MedusaVersion is how a major version of Medusa is installed and run. The shop, with
// its package-lock.json, is in the folder server of the tests' package.
type MedusaVersion struct {
	Name string   // of its folder in the cache
	Env  []string // the shop's settings, beside those that every Medusa has
	// Prepare are run once, in this order, before Medusa starts for the first time.
	Prepare []func(dir string) NodeCommand
	Serve   func(dir, port string) NodeCommand
	// Template is raised when what is kept in the cache changes, and server does not.
	Template string
}

// NodeCommand is a script that node runs.
type NodeCommand struct {
	Dir  string
	Args []string // the script, and its own
	Env  []string
}

// Medusa is an unmodified Medusa of its own for one test, on 127.0.0.1. Its methods
// are for the goroutine of that test.
type Medusa struct {
	*identitytest.Process
	Postgres *Postgres
	Env      []string // of the next start, beside what it has always

	t       *testing.T
	version MedusaVersion
	dir     string
	redis   *identitytest.Redis
	port    string
	events  string // file that the shop's subscriber writes to
}

// StartMedusa starts a Medusa on data as seed leaves them, and returns what seed has
// returned. Both come from the cache when they were made before. It ends with the test.
func StartMedusa[Seeds any](t *testing.T, v MedusaVersion, seed func(empty *Medusa) Seeds) (*Medusa, Seeds) {
	t.Helper()
	dir, seeds := medusaTemplate(t, v, seed)
	m := newMedusa(t, v, dir, filepath.Join(dir, templateData))
	m.Restart()
	return m, seeds
}

// newMedusa returns one that is not running, with the servers that it needs.
func newMedusa(t *testing.T, v MedusaVersion, dir, data string) *Medusa {
	t.Helper()
	return &Medusa{
		Postgres: StartPostgres(t, data), redis: identitytest.StartRedis(t),
		t: t, version: v, dir: dir, port: strconv.Itoa(identitytest.FreePort(t)), events: filepath.Join(t.TempDir(), "events.jsonl"),
	}
}

// Restart starts Medusa again, at the same address and on the same data; one that
// still runs is stopped first.
func (m *Medusa) Restart() {
	m.t.Helper()
	if m.Process != nil {
		m.Stop()
	}
	cmd := m.command(m.version.Serve(m.dir, m.port))
	cmd.Env = append(cmd.Env, m.Env...)
	m.Process = identitytest.StartServer(m.t, cmd, m.Addr())
}

// Addr returns the host and port at which Medusa answers.
func (m *Medusa) Addr() string { return net.JoinHostPort("127.0.0.1", m.port) }

// URL returns the address of Medusa, without a slash at its end.
func (m *Medusa) URL() string { return "http://" + m.Addr() }

// prepare runs what has to be run before the first start.
func (m *Medusa) prepare() error {
	for _, step := range m.version.Prepare {
		cmd := m.command(step(m.dir))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", cmd, err, out)
		}
		m.t.Logf("ran %s", cmd)
	}
	return nil
}

// command makes a command with nothing but the settings of a shop in its environment.
func (m *Medusa) command(c NodeCommand) *exec.Cmd {
	// The test's context is cancelled before its processes are stopped.
	cmd := exec.CommandContext(context.WithoutCancel(m.t.Context()), "node", c.Args...)
	cmd.Dir = c.Dir
	cmd.Env = slices.Concat([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + m.t.TempDir(), "LANG=C.UTF-8", "MEDUSA_DISABLE_TELEMETRY=true",
		"LOG_LEVEL=warn", // else it logs every request
		// None of the names that Medusa knows: with development it would serve the
		// dashboard's sources, with production send no cookie over http.
		"NODE_ENV=e2e",
		"JWT_SECRET=" + MedusaSecret, "COOKIE_SECRET=" + strings.Repeat("k", 32),
		"DATABASE_URL=" + m.Postgres.URL(), "REDIS_URL=" + m.redis.URL(), "EVENT_LOG=" + m.events,
	}, m.version.Env, c.Env)
	return cmd
}
