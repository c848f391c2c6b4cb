package caddymodule

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// eachOption calls set for every option of the block behind the current token,
// with the dispenser at the option's name. It refuses an option that is given
// twice, unless repeatable lists it, arguments on the opening line, and
// arguments that set left over.
func eachOption(d *caddyfile.Dispenser, set func(option string) error, repeatable ...string) error {
	if d.NextArg() {
		return d.Errf("unexpected argument %q", d.Val())
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		option := d.Val()
		if seen[option] && !slices.Contains(repeatable, option) {
			return d.Errf("option %q is given twice", option)
		}
		seen[option] = true
		if err := set(option); err != nil {
			return err
		}
		if d.NextArg() {
			return d.Errf("unexpected argument %q of option %q", d.Val(), option)
		}
	}
	return nil
}

func unrecognized(d *caddyfile.Dispenser, known ...string) error {
	return d.Errf("unrecognized option %q; there is: %s", d.Val(), strings.Join(known, ", "))
}

// one reads the single argument of an option.
func one(d *caddyfile.Dispenser, value *string) error {
	option := d.Val()
	if !d.NextArg() {
		return d.Errf("option %q needs a value", option)
	}
	if *value = d.Val(); *value == "" {
		return d.Errf("the value of option %q is empty", option)
	}
	return nil
}

// some reads one or more arguments and appends them.
func some(d *caddyfile.Dispenser, values *[]string) error {
	option := d.Val()
	args := d.RemainingArgs()
	if len(args) == 0 {
		return d.Errf("option %q needs a value", option)
	}
	if slices.Contains(args, "") {
		return d.Errf("a value of option %q is empty", option)
	}
	*values = append(*values, args...)
	return nil
}

// oneOf reads one of several words.
func oneOf(d *caddyfile.Dispenser, value *string, words ...string) error {
	option := d.Val()
	if err := one(d, value); err != nil {
		return err
	}
	if !slices.Contains(words, *value) {
		return d.Errf("option %q cannot be %q; use %s", option, *value, strings.Join(words, ", "))
	}
	return nil
}

// duration reads a duration that is above zero.
func duration(d *caddyfile.Dispenser, value *caddy.Duration) error {
	option := d.Val()
	var text string
	if err := one(d, &text); err != nil {
		return err
	}
	parsed, err := caddy.ParseDuration(text)
	if err != nil || parsed <= 0 {
		return d.Errf("option %q cannot be %q; use a duration such as 500ms, 15m or 10h", option, text)
	}
	*value = caddy.Duration(parsed)
	return nil
}

// onOff reads a switch.
func onOff(d *caddyfile.Dispenser, value **bool) error {
	var word string
	if err := oneOf(d, &word, "on", "off"); err != nil {
		return err
	}
	on := word == "on"
	*value = &on
	return nil
}

// standIn is taken for what a Caddyfile does not tell: nothing outside of it is
// read before the configuration is loaded. It is a valid address, id and secret.
const standIn = "https://placeholder.invalid/"

// asWritten returns the value, or standIn for one with placeholders.
func asWritten(value string) string {
	if strings.Contains(value, "{") {
		return standIn
	}
	return value
}

// flag reads an option without value.
func flag(value *bool) error {
	*value = true
	return nil
}
