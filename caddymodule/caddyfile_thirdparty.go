package caddymodule

import (
	"log/slog"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// providerContext is the dispenser's name for the id of the provider that is
// being parsed.
const providerContext = "auth_sidecar_provider"

// unmarshalThirdParty reads the block of a provider at which people log in
// elsewhere. set reads an option of its own and reports whether there is such a
// one. open makes the provider: what is wrong with an option is found at its line,
// and what is missing at that of the provider.
func (t *ThirdParty) unmarshalThirdParty(d *caddyfile.Dispenser, set func(option string) (known bool, err error), open func(opening) error, own ...string) error {
	provider := *d
	whole := opening{id: d.GetContextString(providerContext), logger: slog.New(slog.DiscardHandler)}
	whole.value = func(_, written string) (string, error) { return asWritten(written), nil }
	soFar := whole
	soFar.value = func(option, written string) (string, error) {
		switch option {
		case "client_id", "client_secret", "callback_url", "issuer":
			if written == "" { // may come yet
				return standIn, nil
			}
		}
		return asWritten(written), nil
	}
	err := eachOption(d, func(option string) error {
		line := *d
		known, err := t.unmarshal(d, option)
		if !known {
			known, err = set(option)
		}
		switch {
		case err != nil:
			return err
		case !known:
			return unrecognized(d, append([]string{"client_id", "client_secret", "callback_url", "callback_urls", "email_domains", "bind", "timeout"}, own...)...)
		}
		return wrap(&line, open(soFar))
	}, "callback_urls", "email_domains")
	if err != nil {
		return err
	}
	return wrap(&provider, open(whole))
}

// unmarshal reads one of the options of a ThirdParty, or says that it is none.
func (t *ThirdParty) unmarshal(d *caddyfile.Dispenser, option string) (known bool, err error) {
	switch option {
	case "client_id":
		return true, one(d, &t.ClientID)
	case "client_secret":
		return true, one(d, &t.ClientSecret)
	case "callback_url":
		return true, one(d, &t.Callback)
	case "callback_urls":
		return true, some(d, &t.Callbacks)
	case "email_domains":
		return true, some(d, &t.EmailDomains)
	case "bind":
		return true, oneOf(d, &t.Bind, "auto", "required")
	case "timeout":
		return true, duration(d, &t.Timeout)
	}
	return false, nil
}
