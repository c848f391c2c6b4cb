package caddymodule

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-commerce/auth-sidecar/identity"
)

// ThirdParty holds the options of every provider at which the browser logs in
// somewhere else and comes back.
type ThirdParty struct {
	// The id under which the provider knows this shop. Placeholders are expanded.
	// Required.
	ClientID string `json:"client_id,omitempty"`

	// The secret that belongs to it: a placeholder such as
	// `{env.GOOGLE_CLIENT_SECRET}`. Required.
	ClientSecret string `json:"client_secret,omitempty"`

	// The page of the frontend to which the provider sends the browser back, as
	// it is registered there. Placeholders are expanded. Required.
	Callback string `json:"callback_url,omitempty"`

	// Further pages that a frontend may ask for by `callback_url` in the body of
	// a log-in: whole addresses, or all below a path that ends in `/*`.
	Callbacks []string `json:"callback_urls,omitempty"`

	// Whether a log-in must come back to the very browser that began it, known by
	// a cookie: `required`, or `auto` if the browser keeps cookies. Use `required`
	// when all frontends send cookies (`credentials: include`). Default: auto.
	Bind string `json:"bind,omitempty"`

	// How long one call to the provider may take. Default: 5s.
	Timeout caddy.Duration `json:"timeout,omitempty"`
}

// providerID is the context key of the id under which a provider is configured.
type providerID struct{}

// thirdParty is a ThirdParty with its placeholders expanded.
type thirdParty struct {
	id           string // the provider's, in URLs
	clientID     string
	clientSecret identity.Secret
	callbackURL  string
	callbackURLs []string
	bindRequired bool
	timeout      time.Duration
	logger       *slog.Logger
}

func (t *ThirdParty) resolve(ctx caddy.Context) (*thirdParty, error) {
	r := &thirdParty{timeout: time.Duration(t.Timeout), logger: ctx.Slogger()}
	r.id, _ = ctx.Value(providerID{}).(string)
	switch t.Bind {
	case "", "auto":
	case "required":
		r.bindRequired = true
	default:
		return nil, fmt.Errorf("bind %q: use auto or required", t.Bind)
	}
	var err error
	if r.clientID, err = resolveText("client_id", t.ClientID); err != nil {
		return nil, err
	}
	if t.ClientSecret != "" {
		if r.clientSecret, err = resolveSecret("client_secret", t.ClientSecret); err != nil {
			return nil, err
		}
		warnLiteral(ctx.Logger(), "client_secret", t.ClientSecret)
	}
	if r.callbackURL, err = resolveText("callback_url", t.Callback); err != nil {
		return nil, err
	}
	for _, listed := range t.Callbacks {
		resolved, err := resolveText("callback_urls", listed)
		if err != nil {
			return nil, err
		}
		r.callbackURLs = append(r.callbackURLs, resolved)
	}
	return r, nil
}

// resolveText expands the placeholders of an option that is no secret. One that
// was left out stays empty: the provider knows which it needs, and says so.
func resolveText(option, value string) (string, error) {
	if value == "" {
		return "", nil
	}
	resolved, err := resolveSecret(option, value)
	return resolved.Reveal(), err
}

// thirdPartyOptions are the names of the options of a ThirdParty.
var thirdPartyOptions = []string{"client_id", "client_secret", "callback_url", "callback_urls", "bind", "timeout"}

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
	case "bind":
		return true, oneOf(d, &t.Bind, "auto", "required")
	case "timeout":
		return true, duration(d, &t.Timeout)
	}
	return false, nil
}
