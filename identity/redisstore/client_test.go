//go:build unix

package redisstore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

const password = "hunter2"

func TestClientURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ url, addr, user, password string }{
		{"redis://shop", "shop:6379", "", ""},
		{"redis://shop:6380/3", "shop:6380", "", ""},
		{"redis://[::1]:6380", "[::1]:6380", "", ""},
		{"redis://:hunter2@shop", "shop:6379", "", "hunter2"},
		{"redis://u:p%2Fw%40%3F@shop", "shop:6379", "u", "p/w@?"},
		{"rediss://u:hunter2@shop:6380/0", "shop:6380", "u", "hunter2"},
		{"unix:///run/redis.sock", "/run/redis.sock", "", ""},
		{"unix://:hunter2@/run/redis.sock?db=2", "/run/redis.sock", "", "hunter2"},
	} {
		c, err := redisstore.NewClient(redisstore.ClientOptions{URL: identity.NewSecret(test.url)})
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		o := c.(*redis.Client).Options()
		if o.Addr != test.addr || o.Username != test.user || o.Password != test.password {
			t.Errorf("%s: connects to %s as %q %q", test.url, o.Addr, o.Username, o.Password)
		}
		if tls := strings.HasPrefix(test.url, "rediss"); tls != (o.TLSConfig != nil) || tls && o.TLSConfig.InsecureSkipVerify {
			t.Errorf("%s: TLS %+v", test.url, o.TLSConfig)
		}
		must(t, c.Close())
	}
}

// TestClientSettings are those without which a server that does not answer is
// waited for: go-redis' defaults are others.
func TestClientSettings(t *testing.T) {
	t.Parallel()
	c, err := redisstore.NewClient(redisstore.ClientOptions{URL: identity.NewSecret("redis://shop"), Timeout: time.Second})
	must(t, err)
	defer c.Close()
	o := c.(*redis.Client).Options()
	for name, d := range map[string]time.Duration{
		"dial": o.DialTimeout, "read": o.ReadTimeout, "write": o.WriteTimeout, "pool": o.PoolTimeout,
	} {
		if d != time.Second {
			t.Errorf("the %s timeout is %v", name, d)
		}
	}
	if !o.ContextTimeoutEnabled || o.DialerRetries != 1 || o.MaxRetries != 1 || o.MinIdleConns != 0 || o.PoolSize < 32 {
		t.Errorf("context %t, %d dials, %d repetitions, %d idle of %d", o.ContextTimeoutEnabled, o.DialerRetries, o.MaxRetries, o.MinIdleConns, o.PoolSize)
	}
	d, err := redisstore.NewClient(redisstore.ClientOptions{URL: identity.NewSecret("redis://shop")})
	must(t, err)
	defer d.Close()
	if got := d.(*redis.Client).Options().ReadTimeout; got != redisstore.DefaultTimeout {
		t.Errorf("the default timeout is %v", got)
	}
}

// TestClientOfSeveralHosts: which they are is in their options.
func TestClientOfSeveralHosts(t *testing.T) {
	t.Parallel()
	const hosts = "a,b:6380,[::1]"
	url := func(scheme string) identity.Secret { return identity.NewSecret(scheme + "://u:p%40@" + hosts + "/0") }
	c, err := redisstore.NewClient(redisstore.ClientOptions{URL: url("rediss"), Cluster: true})
	must(t, err)
	defer c.Close()
	o := c.(*redis.ClusterClient).Options()
	if got := strings.Join(o.Addrs, " "); got != "a:6379 b:6380 [::1]:6379" || o.Username != "u" || o.Password != "p@" {
		t.Errorf("the nodes are %s, as %s %s", got, o.Username, o.Password)
	}
	if !o.ContextTimeoutEnabled || o.ReadOnly || o.RouteByLatency || o.RouteRandomly || o.MinIdleConns != 0 || o.ReadTimeout != redisstore.DefaultTimeout {
		t.Errorf("%+v", o)
	}
	d, err := redisstore.NewClient(redisstore.ClientOptions{URL: url("redis"), Sentinel: &redisstore.Sentinel{Master: "shop"}})
	must(t, err)
	defer d.Close()
	if o := d.(*redis.Client).Options(); o.Username != "u" || o.Password != "p@" || !o.ContextTimeoutEnabled || o.ReadTimeout != redisstore.DefaultTimeout || o.MaxRetries != 1 {
		t.Errorf("%+v", o)
	}
}

// TestClientURLIsNotShown: wherever a character of the password was not escaped,
// part of it ends up in the host, the path or the parameters.
func TestClientURLIsNotShown(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "hunter2", "shop:6379", "http://:hunter2@shop", "hunter2://shop", "redis:hunter2", "redis:///0", "redis://",
		"redis://:hunt/hunter2@shop:6379", "redis://:hunt#hunter2@shop", "redis://:hunt?hunter2@shop", "redis://:%zzhunter2@shop",
		"redis://:hunter2@shop:port", "redis://:hunter2@shop/db", "redis://:hunter2@shop/0/1", "redis://:hunter2@sh op",
		"redis://:hunter2@shop?skip_verify=true", "rediss://:hunter2@shop?skip_verify=true", "redis://:hunter2@shop?max_retries=5",
		"redis://:hunter2@shop?db=1", "unix://:hunter2@/run/redis.sock?db=hunter2", "unix://:hunter2@", "unix:///run/a?hunter2=1",
		"redis://:hunter2@shop\n",
		"redis://:hunter2@a,b", "redis://:hunter2@a,", "redis://:hunter2@,a", "redis://:hunter2@a,b c", "redis://:hunter2@a,b:port",
		"redis://a,b?hunter2",
	} {
		c, err := redisstore.NewClient(redisstore.ClientOptions{URL: identity.NewSecret(url)})
		if err == nil {
			t.Errorf("%q was taken for %s", url, c.(*redis.Client).Options().Addr)
			_ = c.Close()
			continue
		}
		if strings.Contains(err.Error(), "hunt") {
			t.Errorf("%q: the error shows the password: %v", url, err)
		}
	}
	o := redisstore.ClientOptions{URL: identity.NewSecret("redis://:hunter2@127.0.0.1:1"), Timeout: time.Second}
	c, err := redisstore.NewClient(o)
	must(t, err)
	defer c.Close()
	s, err := redisstore.New(c, redisstore.Options{})
	must(t, err)
	_, down := s.Identity(t.Context(), alice)
	for _, v := range []any{o, &o, c, s, down} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(format, v); strings.Contains(text, password) {
				t.Errorf("%s of a %T shows the password: %s", format, v, text)
			}
		}
	}
}

func TestClientOptions(t *testing.T) {
	t.Parallel()
	missing, empty := filepath.Join(t.TempDir(), "missing"), filepath.Join(t.TempDir(), "empty")
	must(t, os.WriteFile(empty, nil, 0o600))
	for name, o := range map[string]redisstore.ClientOptions{
		"a negative timeout": {URL: identity.NewSecret("redis://shop"), Timeout: -1},
		"a long timeout":     {URL: identity.NewSecret("redis://shop"), Timeout: time.Hour},
		"a CA without TLS":   {URL: identity.NewSecret("redis://shop"), CAFile: empty},
		"a CA that is none":  {URL: identity.NewSecret("rediss://shop"), CAFile: empty},
		"cluster and sentinel": {
			URL: identity.NewSecret("redis://shop"), Cluster: true, Sentinel: &redisstore.Sentinel{Master: "shop"},
		},
		"a cluster with a database": {URL: identity.NewSecret("redis://shop/1"), Cluster: true},
		"a cluster by a socket":     {URL: identity.NewSecret("unix:///run/redis.sock"), Cluster: true},
		"sentinels by a socket": {
			URL: identity.NewSecret("unix:///run/redis.sock"), Sentinel: &redisstore.Sentinel{Master: "shop"},
		},
		"a sentinel without master": {URL: identity.NewSecret("redis://shop"), Sentinel: &redisstore.Sentinel{}},
		"several masters":           {URL: identity.NewSecret("redis://a,b")},
		"a CA file not there":       {URL: identity.NewSecret("rediss://shop"), CAFile: missing},
	} {
		if _, err := redisstore.NewClient(o); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestClientTLS(t *testing.T) {
	t.Parallel()
	caFile, certificate := newAuthority(t)
	otherCA, _ := newAuthority(t)
	m := miniredis.NewMiniRedis()
	m.RequireAuth(password)
	must(t, m.StartTLS(&tls.Config{Certificates: []tls.Certificate{certificate}}))
	defer m.Close()
	_, port, err := net.SplitHostPort(m.Addr())
	must(t, err)
	for name, test := range map[string]struct{ host, caFile, reason string }{
		"trusted":           {"127.0.0.1", caFile, ""},
		"of another name":   {"localhost", caFile, "store_tls"},
		"of another CA":     {"127.0.0.1", otherCA, "store_tls"},
		"not of the system": {"127.0.0.1", "", "store_tls"},
	} {
		t.Run(name, func(t *testing.T) {
			url := identity.NewSecret("rediss://:" + password + "@" + test.host + ":" + port)
			c, err := redisstore.NewClient(redisstore.ClientOptions{URL: url, CAFile: test.caFile, Timeout: patient})
			must(t, err)
			defer c.Close()
			s := newStore(t, c, nil)
			if test.reason != "" {
				allUnavailable(t, s, false, test.reason)
				return
			}
			must(t, s.Create(t.Context(), someone()))
		})
	}
}

// newAuthority returns the file of a new certificate authority and a
// certificate of it for 127.0.0.1.
func newAuthority(t *testing.T) (caFile string, certificate tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return caFile, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestClientByUnixSocket(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "redis.sock")
	identitytest.StartRedis(t, "--unixsocket", socket, "--requirepass", password)
	s := newStore(t, newClient(t, "unix://:"+password+"@"+socket+"?db=3"), nil)
	must(t, s.Create(t.Context(), someone()))
}
