package caddymodule

import (
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
)

// unmarshal parses the option redis of a realm. Syntax:
//
//	redis embedded {
//		key_prefix <prefix>
//	}
//	redis <url> {
//		key_prefix <prefix>
//		timeout    <duration>
//		ca_file    <pem>
//		cluster
//		sentinel   <master> {
//			username <name>
//			password <placeholder>
//		}
//		wait       <replicas> <timeout>
//	}
func (r *Redis) unmarshal(d *caddyfile.Dispenser) error {
	var address string
	if err := one(d, &address); err != nil {
		return err
	}
	if address == "embedded" {
		r.Embedded = true
	} else {
		r.URL = address
	}
	line := *d
	err := eachOption(d, func(option string) error {
		switch option {
		case "key_prefix":
			return one(d, &r.KeyPrefix)
		case "timeout":
			return duration(d, &r.Timeout)
		case "ca_file":
			return one(d, &r.CAFile)
		case "cluster":
			return flag(&r.Cluster)
		case "sentinel":
			r.Sentinel = new(RedisSentinel)
			return r.Sentinel.unmarshal(d)
		case "wait":
			r.Wait = new(RedisWait)
			return r.Wait.unmarshal(d)
		}
		return unrecognized(d, "key_prefix", "timeout", "ca_file", "cluster", "sentinel", "wait")
	})
	if err != nil {
		return err
	}
	return wrap(&line, r.check())
}

func (s *RedisSentinel) unmarshal(d *caddyfile.Dispenser) error {
	if d.CountRemainingArgs() == 0 {
		return d.Err(`"sentinel" needs the name under which the sentinels know the master, for example "sentinel mymaster"`)
	}
	if err := one(d, &s.Master); err != nil {
		return err
	}
	return eachOption(d, func(option string) error {
		switch option {
		case "username":
			return one(d, &s.Username)
		case "password":
			return one(d, &s.Password)
		}
		return unrecognized(d, "username", "password")
	})
}

func (w *RedisWait) unmarshal(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) == 2 {
		replicas, err := strconv.Atoi(args[0])
		timeout, errTimeout := caddy.ParseDuration(args[1])
		if err == nil && errTimeout == nil && replicas > 0 && timeout > 0 {
			w.Replicas, w.Timeout = replicas, caddy.Duration(timeout)
			return nil
		}
	}
	return d.Err(`write "wait <replicas> <timeout>", for example "wait 1 200ms"`)
}

// check refuses an address that no server can have. One with placeholders is
// judged when the configuration is loaded.
func (r *Redis) check() error {
	if r.Embedded {
		return r.checkEmbedded()
	}
	url := r.URL
	if strings.Contains(url, "{") {
		url = "redis://placeholder.invalid"
	}
	var sentinel *redisstore.Sentinel
	if r.Sentinel != nil {
		sentinel = &redisstore.Sentinel{Master: r.Sentinel.Master}
	}
	options := r.options(identity.NewSecret(url), sentinel)
	options.CAFile = "" // files are read when the configuration is loaded
	client, err := redisstore.NewClient(options)
	if err != nil {
		return err
	}
	return client.Close() // it was never connected
}
