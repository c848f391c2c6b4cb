package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

const (
	sentinelPort = "26379"
	// A connection is made within the timeout, so that a sentinel that hangs must
	// be given up in a part of it: it is asked twice before the others are.
	sentinelShare = 4
)

// Sentinel says which master the sentinels are asked for. User, password and
// database of the URL are those of the servers.
type Sentinel struct {
	// Master is the name of the master. Required.
	Master string
	// Username and Password are for the sentinels themselves. Default: none.
	Username string
	Password identity.Secret
}

var errNoMaster = errors.New("the sentinels know no master of that name")

// newFailoverClient makes a client of the master that the sentinels name. It
// leaves a master that was replaced when a sentinel says so, when it breaks the
// connection, and when it refuses to write.
func newFailoverClient(o *redis.Options, hosts []string, s Sentinel) (redis.UniversalClient, error) {
	switch {
	case s.Master == "":
		return nil, errors.New("redis: sentinel: no name of a master")
	case o.Network == "unix":
		return nil, errors.New("redis: sentinel: want a redis:// or rediss:// URL")
	}
	if o.TLSConfig != nil {
		o.TLSConfig.ServerName = "" // each server goes by its own name
	}
	f := &redis.FailoverOptions{
		MasterName: s.Master, SentinelAddrs: withPort(hosts, sentinelPort),
		SentinelUsername: s.Username, SentinelPassword: s.Password.Reveal(),
		ClientName: o.ClientName, Username: o.Username, Password: o.Password, DB: o.DB,
		Dialer: dialer(o.TLSConfig), OnConnect: refuseReplica,
		ContextTimeoutEnabled: o.ContextTimeoutEnabled, DialerRetries: o.DialerRetries, MaxRetries: o.MaxRetries,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, PoolTimeout: o.PoolTimeout,
		MinIdleConns: o.MinIdleConns, PoolSize: o.PoolSize, PipelinePoolSize: o.PipelinePoolSize,
		DisableIdentity: o.DisableIdentity,
	}
	c := redis.NewFailoverClient(f)
	// The client has its copy. From here on they are about the sentinels alone,
	// which go-redis gives no options of their own: with the same timeout, one
	// that hangs would use up the time to ask the next.
	share := o.DialTimeout / sentinelShare
	f.DialTimeout, f.ReadTimeout, f.WriteTimeout, f.MaxRetries = share, share, share, -1
	c.AddHook(sentinelHook{s.Master})
	return c, nil
}

// dialer is go-redis' own, but heeds the context with TLS, too.
func dialer(config *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	d := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 3}}
	if config == nil {
		return d.DialContext
	}
	return (&tls.Dialer{NetDialer: d, Config: config}).DialContext
}

// sentinelHook keeps what sentinels answer apart from what servers answer: a
// master that they do not know must not look like a key that is not there.
type sentinelHook struct{ master string }

func (h sentinelHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("%w: %q", errNoMaster, h.master)
		}
		return conn, err
	}
}

func (sentinelHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (sentinelHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
