package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
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

// ClientOptions say how to reach Redis. URL is required.
type ClientOptions struct {
	// URL is redis://, rediss:// (TLS) or unix://, with user, password and
	// database as in redis://user:password@host:6379/0. A unix URL names the
	// database as ?db=0; no other parameter is taken. Several hosts, separated by
	// commas, are the sentinels or nodes of a cluster to begin with.
	URL identity.Secret
	// Timeout bounds connecting, sending and receiving, each. Default:
	// DefaultTimeout.
	Timeout time.Duration
	// CAFile is a PEM file with the authorities to trust instead of the
	// system's. Only with TLS.
	CAFile string
	// Sentinel says that the hosts of the URL are sentinels.
	Sentinel *Sentinel
	// Cluster says that the hosts of the URL are nodes of a Redis Cluster.
	Cluster bool
	// Wait says on how many replicas what a Store writes must be before it counts
	// as done. Its timeout must be shorter than Timeout. Default: none.
	Wait Wait
}

// NewClient makes a client for one server, for the master that sentinels name, or
// for a cluster. It asks masters only, and does not connect. Its errors do not
// show the URL.
func NewClient(o ClientOptions) (redis.UniversalClient, error) {
	timeout, err := checkTimeout(o.Timeout)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	options, hosts, err := parseURL(o.URL.Reveal())
	if err != nil {
		return nil, err
	}
	if options.TLSConfig, err = trust(options.TLSConfig, o.CAFile); err != nil {
		return nil, err
	}
	if err := o.Wait.check(timeout); err != nil {
		return nil, err
	}
	setDefaults(options, timeout)
	client, err := o.newClient(options, hosts)
	if err != nil {
		return nil, err
	}
	waiting(client, o.Wait)
	return client, nil
}

func (o ClientOptions) newClient(options *redis.Options, hosts []string) (redis.UniversalClient, error) {
	switch {
	case o.Sentinel != nil && o.Cluster:
		return nil, errors.New("redis: sentinel and cluster exclude each other")
	case o.Sentinel != nil:
		return newFailoverClient(options, hosts, *o.Sentinel)
	case o.Cluster:
		return newClusterClient(options, hosts)
	case len(hosts) > 1:
		return nil, errors.New("redis URL: several hosts are for sentinels or a cluster: say which")
	}
	options.OnConnect = refuseReplica
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
