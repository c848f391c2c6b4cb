//go:build unix

package identitytest

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Redis is a redis-server of its own for one test: on 127.0.0.1, with its data
// in a temporary folder. Its methods are for the goroutine of that test.
type Redis struct {
	// Process is the server that runs now, or ran last; Restart replaces it.
	*Process

	t    testing.TB
	port int
	args []string
}

// StartRedis starts a redis-server and returns when it accepts connections. It
// keeps nothing on disk unless args, which are options of its command line, say
// so: StartRedis(t, "--appendonly", "yes"). It ends with the test.
//
// The test fails when there is no redis-server in the PATH (make setup).
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	r := &Redis{t: t, port: FreePort(t)}
	r.args = slices.Concat([]string{
		"--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", t.TempDir(),
		"--daemonize", "no", "--save", "", "--appendonly", "no", "--loglevel", "notice",
	}, args)
	r.start()
	return r
}

func (r *Redis) start() {
	r.t.Helper()
	r.Process = StartProcess(r.t, exec.Command("redis-server", r.args...), func(line string) bool {
		return strings.Contains(line, "Ready to accept connections")
	})
}

// Addr returns the server's host and port.
func (r *Redis) Addr() string { return loopback(r.port) }

// URL returns the server's address as a redis:// URL of database 0.
func (r *Redis) URL() string { return "redis://" + r.Addr() + "/0" }

// Restart starts the server again, at the same address and with the data that
// is on disk; one that still runs is stopped first.
func (r *Redis) Restart() {
	r.t.Helper()
	r.Stop()
	r.start()
}
