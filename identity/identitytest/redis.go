//go:build unix

package identitytest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Redis is a redis-server of its own for one test: on 127.0.0.1, with its data
// in a temporary folder. Its methods are for the goroutine of that test.
type Redis struct {
	// Process is the server that runs now, or ran last; Restart replaces it.
	*Process

	t      testing.TB
	port   int
	args   []string
	ready  string // in the line that says so
	access access
}

// access is what a client needs besides the address.
type access struct {
	user, password string
	tls            *tls.Config
}

// StartRedis starts a redis-server and returns when it accepts connections. It
// keeps nothing on disk unless args, which are options of its command line, say
// so: StartRedis(t, "--appendonly", "yes"). It ends with the test.
//
// The test fails when there is no redis-server in the PATH (make setup).
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	return startRedis(t, FreePort(t), access{}, args...)
}

// startRedis starts a redis-server on that port, with TLS if access has it.
func startRedis(t testing.TB, port int, access access, args ...string) *Redis {
	t.Helper()
	listen := []string{"--port", strconv.Itoa(port)}
	if access.tls != nil {
		listen = []string{"--port", "0", "--tls-port", strconv.Itoa(port)}
	}
	r := &Redis{t: t, port: port, access: access, ready: "Ready to accept connections"}
	r.args = slices.Concat(listen, []string{
		"--bind", "127.0.0.1", "--dir", t.TempDir(),
		"--daemonize", "no", "--save", "", "--appendonly", "no", "--loglevel", "notice",
	}, args)
	r.start()
	return r
}

func (r *Redis) start() {
	r.t.Helper()
	r.Process = StartProcess(r.t, exec.Command("redis-server", r.args...), func(line string) bool {
		return strings.Contains(line, r.ready)
	})
	// Its data ends with the test. A replica that writes its first append-only file
	// takes no SIGTERM.
	r.t.Cleanup(r.Process.Kill)
}

// Addr returns the server's host and port.
func (r *Redis) Addr() string { return loopback(r.port) }

// URL returns the server's address as a redis:// URL of database 0, or a
// rediss:// one, with the user and password if it wants any.
func (r *Redis) URL() string {
	u := url.URL{Scheme: "redis", Host: r.Addr(), Path: "/0"}
	if r.access.tls != nil {
		u.Scheme = "rediss"
	}
	if r.access.password != "" {
		u.User = url.UserPassword(r.access.user, r.access.password)
	}
	return u.String()
}

// Restart starts the server again, at the same address and with the data that
// is on disk; one that still runs is stopped first.
func (r *Redis) Restart() {
	r.t.Helper()
	r.Stop()
	r.start()
}

// Ask sends one command by a connection of its own and returns the reply.
func (r *Redis) Ask(args ...any) (any, error) { return r.ask(startTimeout, args...) }

var errEnded = errors.New("the server has ended")

// probeTimeout is how long a server that is looked at again anyway may take.
const probeTimeout = time.Second

func (r *Redis) ask(timeout time.Duration, args ...any) (any, error) {
	if r.ended() { // go-redis would print that nobody listens
		return nil, errEnded
	}
	c := redis.NewClient(&redis.Options{
		Addr: r.Addr(), Username: r.access.user, Password: r.access.password, TLSConfig: r.access.tls,
		ContextTimeoutEnabled: true, DialerRetries: 1, MaxRetries: -1, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	defer c.Close()
	// Not the test's context: servers are asked while it ends, too.
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return c.Do(ctx, args...).Result()
}

// MustAsk is Ask for a command that must succeed.
func (r *Redis) MustAsk(args ...any) any {
	r.t.Helper()
	reply, err := r.Ask(args...)
	if err != nil {
		r.t.Fatalf("%v on %s: %v", args, r.Addr(), err)
	}
	return reply
}

// Info returns a section of INFO by field, empty when the server does not answer
// within a second.
func (r *Redis) Info(section string) map[string]string {
	reply, err := r.ask(probeTimeout, "INFO", section)
	fields := make(map[string]string)
	if err != nil {
		return fields
	}
	for line := range strings.Lines(fmt.Sprint(reply)) {
		if name, value, found := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); found {
			fields[name] = value
		}
	}
	return fields
}
