package caddymodule

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/limit"
)

// Limits bound what strangers try, on all nodes that share a Redis: each thing
// counts in buckets, by client, by account and in all. Who finds one full is
// answered 429 with `Retry-After`.
type Limits struct {
	// Nothing is limited: what stands before Caddy does it.
	Off bool `json:"off,omitempty"`

	// Rates in place of the defaults, by the bucket's name.
	Buckets map[string]Limit `json:"buckets,omitempty"`

	// Addresses and networks (CIDR) of clients that are not limited by their
	// address, such as a storefront's own server, which logs everybody in. What
	// they try at one account is limited all the same.
	Trusted []string `json:"trusted,omitempty"`
}

// Limit is the rate of a bucket: so many events at once, and again and again one in
// each such part of the window.
type Limit struct {
	// The bucket is not limited.
	Off bool `json:"off,omitempty"`

	// How many there may be within the window.
	Events int `json:"events,omitempty"`

	// The time in which as many come anew.
	Window caddy.Duration `json:"window,omitempty"`
}

// rate returns the limit as the limiter takes it.
func (l Limit) rate(name string) (limit.Rate, error) {
	r := limit.Rate{Events: l.Events, Window: time.Duration(l.Window)}
	switch {
	case l.Off && r != (limit.Rate{}):
		return r, fmt.Errorf("bucket %s: it is off and has a rate as well", name)
	case !l.Off && r == (limit.Rate{}):
		return r, fmt.Errorf("bucket %s: it has no rate; use events and window, or off", name)
	}
	return r, limit.Check(name, r)
}

// limiter makes what the configuration says; nil is the default. The key makes
// pseudonyms of people.
func (l *Limits) limiter(counter limit.Counter, key identity.Secret) (identity.Limiter, error) {
	c := limit.Config{Counter: counter, Key: key}
	if l == nil {
		return limit.New(c)
	}
	c.Rates = make(map[identity.Bucket]limit.Rate)
	for name, configured := range l.Buckets {
		rate, err := configured.rate(name)
		if err != nil {
			return nil, err
		}
		c.Rates[identity.Bucket(name)] = rate
	}
	for _, text := range l.Trusted {
		network, err := parseNetwork(text)
		if err != nil {
			return nil, err
		}
		c.Trusted = append(c.Trusted, network)
	}
	if err := l.contradiction(); err != nil {
		return nil, err
	}
	if l.Off {
		return nil, nil
	}
	return limit.New(c)
}

// contradiction returns an error if nothing is limited and something is: whoever
// wrote the one would believe in limits that there are not.
func (l *Limits) contradiction() error {
	if l.Off && (len(l.Buckets) > 0 || len(l.Trusted) > 0) {
		return errors.New("rate_limit off limits nothing: take it out, or all others")
	}
	return nil
}

// parseNetwork reads an address or a CIDR.
func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("trusted %q is neither an address nor a network such as 10.0.0.0/8", text)
	}
	return network.Masked(), nil
}
