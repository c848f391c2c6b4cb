package caddymodule

import (
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// unmarshalLimit parses one line about limits. Syntax:
//
//	rate_limit <bucket> <events> <window>
//	rate_limit <bucket> off
//	rate_limit trusted <address...>
//	rate_limit off
func (r *Realm) unmarshalLimit(d *caddyfile.Dispenser) error {
	if err := r.readLimit(d); err != nil {
		return err
	}
	if err := r.Limits.contradiction(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

func (r *Realm) readLimit(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if r.Limits == nil {
		r.Limits = new(Limits)
	}
	switch {
	case len(args) == 1 && args[0] == "off":
		if r.Limits.Off {
			return d.Err("rate_limit off is given twice")
		}
		r.Limits.Off = true
		return nil
	case len(args) > 1 && args[0] == "trusted":
		for _, text := range args[1:] {
			if _, err := parseNetwork(text); err != nil {
				return d.WrapErr(err)
			}
		}
		r.Limits.Trusted = append(r.Limits.Trusted, args[1:]...)
		return nil
	case len(args) == 2 && args[1] == "off":
		return r.setLimit(d, args[0], Limit{Off: true})
	case len(args) == 3:
		events, err := strconv.Atoi(args[1])
		if err != nil {
			return d.Errf("rate_limit %s: %q is no number of events", args[0], args[1])
		}
		window, err := caddy.ParseDuration(args[2])
		if err != nil {
			return d.Errf("rate_limit %s: %q is no window; use a duration such as 30s, 10m or 1h", args[0], args[2])
		}
		return r.setLimit(d, args[0], Limit{Events: events, Window: caddy.Duration(window)})
	}
	return d.Err(`write "rate_limit <bucket> <events> <window>", for example "rate_limit login 100 10m", or "rate_limit <bucket> off", "rate_limit trusted <address...>", "rate_limit off"`)
}

func (r *Realm) setLimit(d *caddyfile.Dispenser, name string, l Limit) error {
	if _, taken := r.Limits.Buckets[name]; taken {
		return d.Errf("rate_limit %s is given twice", name)
	}
	if _, err := l.rate(name); err != nil {
		return d.WrapErr(err)
	}
	if r.Limits.Buckets == nil {
		r.Limits.Buckets = make(map[string]Limit)
	}
	r.Limits.Buckets[name] = l
	return nil
}
