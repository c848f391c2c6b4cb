//go:build unix

package e2e

import (
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

// CaddyConfig is what a test says about its Caddy.
type CaddyConfig struct {
	// Port is where the site is, for a test that must know it before. Default: a
	// free one.
	Port int
	// Global is put into the block of global options: `auth_sidecar { … }`. The
	// admin endpoint is off and nothing is saved unless it says otherwise.
	Global string
	// Site is the content of the site at Caddy.Addr, which answers to every host name.
	Site string
	// More are further sites, written out with their addresses.
	More string
	// MoreAddrs are the hosts and ports of those sites: Caddy has started when
	// they accept connections as well.
	MoreAddrs []string
	// Env are environment variables (NAME=value). Caddy gets only these, PATH and
	// a home folder of its own.
	Env []string
}

// Caddy is the Caddy of this repository, running for one test. Its methods are
// for the goroutine of that test.
type Caddy struct {
	// Process is the Caddy that runs now, or ran last; Restart replaces it.
	*identitytest.Process

	t     testing.TB
	addrs []string // where it listens, that of the site first
	dir   string
	args  []string
	env   []string
}

// StartCaddy starts Caddy with that configuration on a free port of 127.0.0.1
// and returns when it accepts connections. It ends with the test, which fails
// when Caddy ended with an error, panicked or had a data race that is not Caddy's own.
func StartCaddy(t testing.TB, config CaddyConfig) *Caddy {
	t.Helper()
	if config.Port == 0 {
		config.Port = identitytest.FreePort(t)
	}
	port := strconv.Itoa(config.Port)
	caddyfile := "{\n" +
		"admin off\n" +
		"persist_config off\n" +
		"grace_period 5s\n" +
		config.Global + "\n" +
		"}\n" +
		"http://:" + port + " {\n" +
		"bind 127.0.0.1\n" +
		config.Site + "\n" +
		"}\n" +
		config.More
	addrs := append([]string{net.JoinHostPort("127.0.0.1", port)}, config.MoreAddrs...)
	return StartCaddyfile(t, "Caddyfile", caddyfile, addrs, config.Env)
}

// StartCaddyfile starts Caddy with a whole Caddyfile of that name. It is ready
// when it accepts connections at every one of the addresses, of which Addr
// returns the first. The environment is as for CaddyConfig.Env.
func StartCaddyfile(t testing.TB, name, caddyfile string, addrs, env []string) *Caddy {
	t.Helper()
	home := t.TempDir()
	c := &Caddy{
		t:     t,
		addrs: addrs,
		dir:   home,
		args:  []string{"run", "--config", name},
		env:   append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}, env...),
	}
	if err := os.WriteFile(filepath.Join(home, name), []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	c.start()
	return c
}

func (c *Caddy) start() {
	c.t.Helper()
	cmd := exec.Command(CaddyBinary(c.t), c.args...)
	// The path is relative, since a test's name in the folder's may hold a comma, which
	// ends an option there.
	const reports = "race"
	cmd.Dir, cmd.Env = c.dir, append(slices.Clone(c.env), "GORACE=exitcode=0 log_path="+reports)
	var process *identitytest.Process
	c.t.Cleanup(func() { // runs after the process was stopped
		if process == nil {
			return
		}
		if code := process.ExitCode(); code > 0 {
			c.t.Errorf("caddy ended with status %d:\n%s", code, process.Output())
		}
		if output := process.Output(); strings.Contains(output, "panic serving") {
			c.t.Errorf("a handler panicked:\n%s", output)
		}
		for _, race := range races(c.t, filepath.Join(c.dir, reports)) {
			c.t.Errorf("caddy had a data race:%s", race)
		}
	})
	process = identitytest.StartServer(c.t, cmd, c.addrs...)
	c.Process = process
}

// Addr returns the host and port at which the site answers.
func (c *Caddy) Addr() string { return c.addrs[0] }

// URL returns the address of the site, without a slash at its end.
func (c *Caddy) URL() string { return "http://" + c.Addr() }

// Restart stops Caddy, if it runs, and starts it again with the same
// configuration, address and home folder.
func (c *Caddy) Restart() {
	c.t.Helper()
	c.Stop()
	c.start()
}
