package redisstore

import (
	"errors"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"
)

var errScheme = errors.New("redis URL: must begin with redis://, rediss:// or unix://")

// parseURL returns the options of the first host, and every host with its port if
// it has one. It is strict where go-redis would let a parameter override our
// settings, and does not repeat any part of the URL: a password that was not
// escaped can end up in each of them.
func parseURL(text string) (*redis.Options, []string, error) {
	text, others, err := cutHosts(text)
	if err != nil {
		return nil, nil, err
	}
	u, err := url.Parse(text)
	if err != nil && !strings.Contains(text, "://") { // 127.0.0.1:6379 is no URL at all, localhost:6379 is one
		return nil, nil, errScheme
	}
	if err != nil {
		return nil, nil, errors.New("redis URL: malformed; is a character of the password not percent-encoded?")
	}
	switch u.Scheme {
	case "redis", "rediss", "unix":
	default:
		return nil, nil, errScheme
	}
	for parameter := range u.Query() {
		if u.Scheme != "unix" || parameter != "db" {
			return nil, nil, errors.New("redis URL: takes no parameters, but unix:// the database, ?db=0")
		}
	}
	if u.Scheme != "unix" && u.Host == "" {
		return nil, nil, errors.New("redis URL: no host")
	}
	options, err := redis.ParseURL(text)
	if err != nil {
		return nil, nil, errors.New("redis URL: want redis://user:password@host:6379/0 or unix://user:password@/path?db=0")
	}
	return options, append([]string{u.Host}, others...), nil
}

// cutHosts returns the URL with the first host only, and the others.
func cutHosts(text string) (first string, others []string, err error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found || scheme == "unix" {
		return text, nil, nil
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	begin := strings.LastIndexByte(rest[:end], '@') + 1
	hosts := strings.Split(rest[begin:end], ",")
	for _, host := range hosts[1:] {
		if u, err := url.Parse("redis://" + host); err != nil || u.Host != host || u.Hostname() == "" {
			return "", nil, errors.New("redis URL: several hosts are separated by commas, as in redis://user:password@host:6379,host:6379/0")
		}
	}
	return scheme + "://" + rest[:begin] + hosts[0] + rest[end:], hosts[1:], nil
}

// withPort completes hosts that have no port of their own.
func withPort(hosts []string, port string) []string {
	addrs := make([]string, len(hosts))
	for i, host := range hosts {
		if u := (url.URL{Host: host}); u.Port() == "" {
			host = strings.TrimSuffix(host, ":") + ":" + port
		}
		addrs[i] = host
	}
	return addrs
}
