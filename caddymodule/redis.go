package caddymodule

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// drainDelay is how long a client outlives the last configuration that used
// it: requests of that configuration may still be running.
var drainDelay = 30 * time.Second // shorter in tests

// Redis says where a realm keeps its identities and sessions.
type Redis struct {
	// The server's address: `redis://`, `rediss://` (TLS) or `unix://`. Several hosts
	// are separated by commas, `redis://user:password@host:6379,host:6379/0`: some of
	// the sentinels or of the cluster's nodes, which know the others. Placeholders
	// are expanded; an empty or missing one is an error.
	URL string `json:"url,omitempty"`

	// Keep everything in this process's memory instead, for trying things out:
	// it survives a reload of the configuration, but not a restart, and no other
	// process sees it. Must be asked for; a missing URL never means memory.
	Embedded bool `json:"embedded,omitempty"`

	// What the realm's keys in Redis begin with. Default: `auth:`, and `auth:<realm>:`
	// for a realm other than the default one.
	KeyPrefix string `json:"key_prefix,omitempty"`

	// How long one operation may take before the answer counts as unknown and
	// the client gets 503. Default: 500ms.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// A PEM file with the certificates that a `rediss://` server's certificate
	// must be signed by. Default: those of the system.
	CAFile string `json:"ca_file,omitempty"`

	// The hosts of the URL are nodes of a Redis Cluster.
	Cluster bool `json:"cluster,omitempty"`

	// The hosts of the URL are sentinels, which say where the master is. User,
	// password and database of the URL are those of the servers.
	Sentinel *RedisSentinel `json:"sentinel,omitempty"`

	// On how many replicas a write must be before anybody is told that it is done.
	// Default: none, so that a failover may lose what the master alone has.
	Wait *RedisWait `json:"wait,omitempty"`
}

// RedisWait lets what was acknowledged survive the loss of the master, as far as
// a replica that has it takes its place.
type RedisWait struct {
	// How many replicas must have it, at least 1.
	Replicas int `json:"replicas,omitempty"`

	// For how long they may be late; then the client gets 503, though the write may
	// be there. Must be shorter than `timeout`, which bounds all of an operation.
	Timeout caddy.Duration `json:"timeout,omitempty"`
}

// RedisSentinel says what the sentinels are asked for, and by whom. `rediss://`
// means TLS to them as well as to the servers.
type RedisSentinel struct {
	// The name under which the sentinels know the master. Required.
	Master string `json:"master,omitempty"`

	// The user at the sentinels themselves. Default: `default`.
	Username string `json:"username,omitempty"`

	// The password that the sentinels want, if they want any. Placeholders are
	// expanded.
	Password string `json:"password,omitempty"`
}

// connections holds what must survive a reload: clients, and embedded stores
// with their content.
var connections = caddy.NewUsagePool()

// connection is a client that realms of several configurations share.
type connection struct {
	client   redis.UniversalClient
	embedded *redisstore.Embedded // nil with a real server
	// secret stands in for secrets that nobody configured, in embedded mode
	// alone. It lives as long as the store whose content it signs.
	secret identity.Secret
	// followed counts requests that proved somebody: each may become a stream, whose
	// caller is asked about by it.
	followed atomic.Int64
}

// connect returns the shared connection for the options, and the key under
// which to release it. It does not dial.
func (r *Redis) connect(realm string) (*connection, string, error) {
	if r == nil || (r.URL == "" && !r.Embedded) {
		return nil, "", errors.New(`redis is not configured: write "redis {env.REDIS_URL}", or "redis embedded" to try things out in memory`)
	}
	if r.Embedded {
		if r.URL != "" {
			return nil, "", errors.New("redis: embedded and a URL exclude each other")
		}
		if err := r.checkEmbedded(); err != nil {
			return nil, "", err
		}
		return pooled("embedded "+realm, newEmbedded)
	}
	url, err := resolveSecret("redis URL", r.URL)
	if err != nil {
		return nil, "", err
	}
	sentinel, err := r.Sentinel.resolve()
	if err != nil {
		return nil, "", err
	}
	options := r.options(url, sentinel)
	parts := []any{url.Reveal(), options.Timeout, options.CAFile, options.Cluster, options.Wait}
	if sentinel != nil {
		parts = append(parts, sentinel.Master, sentinel.Username, sentinel.Password.Reveal())
	}
	return pooled(fingerprint(parts...), func() (caddy.Destructor, error) {
		client, err := redisstore.NewClient(options)
		if err != nil {
			return nil, err
		}
		return &connection{client: client}, nil
	})
}

// options are those of a client, with what is resolved.
func (r *Redis) options(url identity.Secret, sentinel *redisstore.Sentinel) redisstore.ClientOptions {
	o := redisstore.ClientOptions{
		URL: url, Timeout: time.Duration(r.Timeout), CAFile: r.CAFile, Cluster: r.Cluster, Sentinel: sentinel,
	}
	if r.Wait != nil {
		o.Wait = redisstore.Wait{Replicas: r.Wait.Replicas, Timeout: time.Duration(r.Wait.Timeout)}
	}
	return o
}

// resolve expands the placeholders; nil if there are no sentinels.
func (s *RedisSentinel) resolve() (*redisstore.Sentinel, error) {
	if s == nil {
		return nil, nil
	}
	resolved := &redisstore.Sentinel{}
	for _, text := range []struct {
		what, value string
		to          *string
	}{{"master", s.Master, &resolved.Master}, {"username", s.Username, &resolved.Username}} {
		value, err := caddy.NewReplacer().ReplaceOrErr(text.value, true, true)
		if err != nil {
			return nil, fmt.Errorf("redis sentinel %s: %w", text.what, err)
		}
		*text.to = value
	}
	if s.Password == "" {
		return resolved, nil
	}
	var err error
	resolved.Password, err = resolveSecret("redis sentinel password", s.Password)
	return resolved, err
}

// checkEmbedded refuses options of a server where there is none.
func (r *Redis) checkEmbedded() error {
	switch {
	case r.CAFile != "":
		return errors.New("redis embedded: has no use for ca_file")
	case r.Cluster:
		return errors.New("redis embedded: has no use for cluster")
	case r.Sentinel != nil:
		return errors.New("redis embedded: has no use for sentinel")
	case r.Wait != nil:
		return errors.New("redis embedded: has no use for wait")
	}
	return nil
}

// warn says when a secret stands in the configuration itself.
func (r *Redis) warn(logger *zap.Logger) {
	url := r.URL
	if end := strings.LastIndexByte(url, '@'); end >= 0 {
		url = url[:end+1] + "host" // several are no URL to Go
	}
	warnPassword(logger, "redis URL", url)
	if r.Sentinel != nil && r.Sentinel.Password != "" {
		warnLiteral(logger, "redis sentinel password", r.Sentinel.Password)
	}
}

func pooled(key string, construct caddy.Constructor) (*connection, string, error) {
	value, _, err := connections.LoadOrNew(key, construct)
	if err != nil {
		return nil, "", err
	}
	return value.(*connection), key, nil
}

func newEmbedded() (caddy.Destructor, error) {
	embedded, err := redisstore.NewEmbedded()
	if err != nil {
		return nil, err
	}
	return &connection{client: embedded.Client(), embedded: embedded, secret: identity.NewSecret(rand.Text() + rand.Text())}, nil
}

// fingerprint covers every option of a client, and shows none of them: pool
// keys end up in logs.
func fingerprint(options ...any) string {
	text, err := json.Marshal(options)
	if err != nil {
		panic(err) // only strings and numbers are passed
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Destruct closes the connection when no configuration uses it any more, with
// a delay for the requests that still do, and not while some may become streams.
func (c *connection) Destruct() error {
	if caddy.Exiting() {
		return c.close()
	}
	time.AfterFunc(drainDelay, func() {
		if c.followed.Load() > 0 {
			_ = c.Destruct()
			return
		}
		_ = c.close()
	})
	return nil
}

func (c *connection) close() error {
	if c.embedded != nil {
		return c.embedded.Close()
	}
	return c.client.Close()
}

var bridgeOnce sync.Once

// bridgeRedisLog sends go-redis' own messages, which it prints to stderr
// otherwise, to Caddy's log.
func bridgeRedisLog() {
	bridgeOnce.Do(func() { redis.SetLogger(redisLog{}) })
}

type redisLog struct{}

// Printf implements go-redis' logger. The messages are about connections, at a
// rate that an outage multiplies: debug.
func (redisLog) Printf(_ context.Context, format string, v ...any) {
	if c := caddy.Log().Named("auth_sidecar.redis").Check(zap.DebugLevel, "client message"); c != nil {
		c.Write(zap.String("text", fmt.Sprintf(format, v...)))
	}
}
