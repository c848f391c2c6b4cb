package caddymodule_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// config is what a test says about its Caddy. `{backend}` stands for the address
// of the echo backend in Site.
type config struct {
	Global  string // global options
	Redis   string // the option redis of the default realm. Default: embedded, and patient
	NoKeys  bool   // no secrets: embedded Redis has some made
	Session string // more options of its sessions
	JWT     string // more options of its tokens
	Realm   string // more options of the realm. Without a provider, it gets emailpass with quick hashes
	Routes  string // named routes
	Site    string // the site. Default: auth_sidecar in front of the backend
	TLS     bool   // https, with a certificate of Caddy's own
	// JSON is put in place of `vars json here` in the site, for what a Caddyfile
	// cannot say.
	JSON string
}

// shop is a Caddy in this process, in front of an echo backend, for one test.
// There is one Caddy per process: tests that open a shop cannot be parallel.
type shop struct {
	*backend
	t      testing.TB
	port   string
	tls    bool
	home   string
	client *http.Client
}

var oneCaddy sync.Mutex

// open starts the shop; it ends with the test.
func open(t testing.TB, c config) *shop {
	t.Helper()
	oneCaddy.Lock()
	t.Cleanup(oneCaddy.Unlock)
	s := &shop{backend: newBackend(t), t: t, tls: c.TLS, home: t.TempDir(), port: strconv.Itoa(identitytest.FreePort(t))}
	s.client = s.newClient(new(http.Protocols))
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping caddy: %v", err)
		}
		if t.Failed() {
			t.Logf("log of caddy:\n%s", s.log())
		}
	})
	s.mustLoad(c)
	if c.TLS {
		eventually(t, "there is a certificate", func() bool {
			conn, err := tls.Dial("tcp", s.addr(), &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}) //nolint:gosec // it is made up
			return err == nil && conn.Close() == nil
		})
	}
	return s
}

// load replaces the running configuration.
func (s *shop) load(c config) error {
	adapted, err := adapt(s.caddyfile(c))
	if err != nil {
		return err
	}
	adapted = bytes.Replace(adapted, []byte(`{"handler":"vars","json":"here"}`), []byte(c.JSON), 1)
	return caddy.Load(adapted, true)
}

// mustLoad is load for configurations that are good.
func (s *shop) mustLoad(c config) {
	s.t.Helper()
	if err := s.load(c); err != nil {
		s.t.Fatal(err)
	}
	s.client.CloseIdleConnections() // Caddy is about to, and a POST is not repeated
	eventually(s.t, "the listener of the configuration before is closed", func() bool { return s.listeners() <= 1 })
}

// listeners counts the sockets that listen on the shop's port: at a reload the one
// before is closed a moment later, and what it was about to accept is reset.
func (s *shop) listeners() int {
	port, err := strconv.Atoi(s.port)
	if err != nil {
		s.t.Fatal(err)
	}
	data, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 1 // not Linux: it cannot be told
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		const listening = "0A"
		if f := strings.Fields(line); len(f) > 3 && f[3] == listening && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
			n++
		}
	}
	return n
}

func (s *shop) caddyfile(c config) string {
	site := "http://:" + s.port + " {"
	if c.TLS {
		site = "https://localhost:" + s.port + " {\ntls internal"
	}
	realm := c.Realm
	if !strings.Contains(realm, "provider ") {
		realm += "\nprovider emailpass quick"
	}
	jwt, session := "secret {env.TEST_JWT_SECRET}", "secret {env.TEST_COOKIE_SECRET}"
	if c.NoKeys {
		jwt, session = "", ""
	}
	return `{
	admin off
	persist_config off
	skip_install_trust
	storage file_system ` + s.home + `/storage
	grace_period 5s
	log {
		output file ` + s.home + `/log
		format json
		level DEBUG
	}
	auth_sidecar {
		redis ` + cmp.Or(c.Redis, "embedded"+patient) + `
		jwt {
			` + jwt + `
			` + c.JWT + `
		}
		session {
			` + session + `
			` + c.Session + `
		}
		` + realm + `
	}
	` + c.Global + `
}
` + strings.ReplaceAll(c.Routes, "{backend}", s.backend.addr()) + `
` + site + `
	bind 127.0.0.1
	log
	` + strings.ReplaceAll(cmp.Or(c.Site, "auth_sidecar\nreverse_proxy {backend}"), "{backend}", s.backend.addr()) + `
}
`
}

// newClient returns a client that follows no redirects, keeps no cookies and
// does not decompress. Without protocols it speaks HTTP/1.1.
func (s *shop) newClient(protocols *http.Protocols) *http.Client {
	dialer := new(net.Dialer)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
			// A connection in the queue of a listener that Caddy closes at a reload is
			// reset before anything was sent.
			for range 10 {
				if conn, err = dialer.DialContext(ctx, network, addr); !errors.Is(err, syscall.ECONNRESET) {
					break
				}
			}
			return conn, err
		},
		MaxIdleConnsPerHost: 16, DisableCompression: true, Protocols: protocols,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate is made up
	}
	if *protocols == (http.Protocols{}) {
		protocols.SetHTTP1(true)
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// log returns what Caddy has logged: one JSON object per line.
func (s *shop) log() string {
	data, err := os.ReadFile(filepath.Join(s.home, "log"))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return string(data)
}
