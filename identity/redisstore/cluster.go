package redisstore

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

const (
	redisPort = "6379"
	// maxRedirects bounds how often a command is sent on by a node that does not
	// have its slot any more. One is usual, two happen while slots are moved.
	maxRedirects = 3
)

// newClusterClient makes a client of a cluster, of which it learns from the hosts.
// It has a pool of connections per node. Reads go to masters as well; a replica
// would send them on, since no connection is READONLY.
func newClusterClient(o *redis.Options, hosts []string) (redis.UniversalClient, error) {
	switch {
	case o.Network == "unix":
		return nil, errors.New("redis: cluster: want a redis:// or rediss:// URL")
	case o.DB != 0:
		return nil, errors.New("redis: cluster: has no databases but 0")
	}
	if o.TLSConfig != nil {
		o.TLSConfig.ServerName = "" // each node goes by its own name
	}
	c := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: withPort(hosts, redisPort), MaxRedirects: maxRedirects,
		ClientName: o.ClientName, Username: o.Username, Password: o.Password, Dialer: dialer(o.TLSConfig),
		ContextTimeoutEnabled: o.ContextTimeoutEnabled, DialerRetries: o.DialerRetries,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, PoolTimeout: o.PoolTimeout,
		MinIdleConns: o.MinIdleConns, PoolSize: o.PoolSize, PipelinePoolSize: o.PipelinePoolSize,
		DisableIdentity: o.DisableIdentity, MaintNotificationsConfig: o.MaintNotificationsConfig,
		// Each of our commands has the keys of one slot; no need to ask every node
		// what kinds of commands there are.
		DisableRoutingPolicies: true,
	})
	c.AddHook(clusterHook{c})
	return c, nil
}

// clusterHook lets the client ask anew which node has which slot when one does
// not answer: by itself it does so when it is sent on, which a dead master does to
// nobody, and once a minute.
type clusterHook struct{ client *redis.ClusterClient }

func (clusterHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h clusterHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return h.check(ctx, next(ctx, cmd))
	}
}

func (h clusterHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		return h.check(ctx, next(ctx, cmds))
	}
}

func (h clusterHook) check(ctx context.Context, err error) error {
	if _, answered := errors.AsType[redis.Error](err); err != nil && !answered && !errors.Is(err, context.Canceled) {
		h.client.ReloadState(ctx) // in the background, and not more than five times a second
	}
	return err
}
