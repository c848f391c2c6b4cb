package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// minPool is the number of connections that a client may open on a small
// machine: go-redis' own default, ten per core, lets few requests wait for a
// slow server before the others cannot even ask.
const minPool = 32

// clientName is what CLIENT LIST shows.
const clientName = "auth-sidecar"

// ClientOptions say how to reach a Redis server. URL is required.
type ClientOptions struct {
	// URL is redis://, rediss:// (TLS) or unix://, with user, password and
	// database as in redis://user:password@host:6379/0. A unix URL names the
	// database as ?db=0; no other parameter is taken.
	URL identity.Secret
	// Timeout bounds connecting, sending and receiving, each. Default:
	// DefaultTimeout.
	Timeout time.Duration
	// CAFile is a PEM file with the authorities to trust instead of the
	// system's. Only with TLS.
	CAFile string
}

// NewClient makes a client for one server. It does not connect. Its errors do
// not show the URL.
func NewClient(o ClientOptions) (redis.UniversalClient, error) {
	timeout, err := checkTimeout(o.Timeout)
	if err != nil {
		return nil, err
	}
	options, err := parseURL(o.URL.Reveal())
	if err != nil {
		return nil, err
	}
	if options.TLSConfig, err = trust(options.TLSConfig, o.CAFile); err != nil {
		return nil, err
	}
	setDefaults(options, timeout)
	return redis.NewClient(options), nil
}

// setDefaults sets what decides how a client behaves when the server does not.
func setDefaults(o *redis.Options, timeout time.Duration) {
	o.ClientName = clientName
	// Without it the deadline of the caller counts for nothing.
	o.ContextTimeoutEnabled = true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = timeout, timeout, timeout, timeout
	// A server that refuses is reported at once; one more attempt is for a
	// connection that broke while it was idle. Scripts are sent once regardless.
	o.DialerRetries, o.MaxRetries = 1, 1
	o.MinIdleConns = 0 // otherwise making a client connects
	o.PoolSize = max(minPool, 10*runtime.GOMAXPROCS(0))
	// Our pipelines are a few short commands and need no connections of their own.
	o.PipelinePoolSize = -1
	// Each would cost a round trip whenever a connection is made.
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// parseURL is strict where go-redis would let a parameter override our settings,
// and does not repeat any part of the URL: a password that was not escaped can
// end up in each of them.
func parseURL(text string) (*redis.Options, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("redis URL: malformed; is a character of the password not percent-encoded?")
	}
	switch u.Scheme {
	case "redis", "rediss", "unix":
	default:
		return nil, errors.New("redis URL: must begin with redis://, rediss:// or unix://")
	}
	for parameter := range u.Query() {
		if u.Scheme != "unix" || parameter != "db" {
			return nil, errors.New("redis URL: takes no parameters, but unix:// the database, ?db=0")
		}
	}
	if u.Scheme != "unix" && u.Host == "" {
		return nil, errors.New("redis URL: no host")
	}
	options, err := redis.ParseURL(text)
	if err != nil {
		return nil, errors.New("redis URL: want redis://user:password@host:6379/0 or unix://user:password@/path?db=0")
	}
	return options, nil
}

// trust makes TLS trust the authorities in the file and no others.
func trust(c *tls.Config, caFile string) (*tls.Config, error) {
	if caFile == "" {
		return c, nil
	}
	if c == nil {
		return nil, errors.New("redis: a CA file is for a rediss:// URL")
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("redis: reading the CA file: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("redis: no certificate in the CA file %s", caFile)
	}
	return c, nil
}
