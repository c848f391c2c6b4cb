package caddymodule

import (
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

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

	// Only people whose e-mail address, as the provider verified it, is in one of
	// these domains may log in. Domains are compared as a whole: subdomains are
	// entries of their own. Default: everybody.
	EmailDomains []string `json:"email_domains,omitempty"`

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
	clientID     string
	clientSecret identity.Secret
	callbackURL  string
	callbackURLs []string
	bindRequired bool
	timeout      time.Duration
}

// opening is the moment at which a provider is made of its options.
type opening struct {
	id     string // the provider's, in URLs
	logger *slog.Logger
	// value returns what an option means at that moment.
	value func(option, written string) (string, error)
}

// load is the moment at which a configuration is loaded: placeholders are
// expanded.
func (t *ThirdParty) load(ctx caddy.Context) opening {
	if t.ClientSecret != "" {
		warnLiteral(ctx.Logger(), "client_secret", t.ClientSecret)
	}
	id, _ := ctx.Value(providerID{}).(string)
	t.warnOwnRoute(ctx.Logger(), id)
	return opening{id: id, logger: ctx.Slogger(), value: resolveText}
}

func (t *ThirdParty) resolve(o opening) (*thirdParty, error) {
	r := &thirdParty{timeout: time.Duration(t.Timeout)}
	switch t.Bind {
	case "", "auto":
	case "required":
		r.bindRequired = true
	default:
		return nil, fmt.Errorf("bind %q: use auto or required", t.Bind)
	}
	var err error
	if r.clientID, err = o.value("client_id", t.ClientID); err != nil {
		return nil, err
	}
	secret, err := o.value("client_secret", t.ClientSecret)
	if err != nil {
		return nil, err
	}
	r.clientSecret = identity.NewSecret(secret)
	if r.callbackURL, err = o.value("callback_url", t.Callback); err != nil {
		return nil, err
	}
	for _, listed := range t.Callbacks {
		resolved, err := o.value("callback_urls", listed)
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

// warnOwnRoute warns of a callback page that is the sidecar's own route, where a
// browser would be shown a token: it is a page of the frontend that has to call it.
func (t *ThirdParty) warnOwnRoute(logger *zap.Logger, id string) {
	for _, written := range append([]string{t.Callback}, t.Callbacks...) {
		page, err := resolveText("callback_url", written)
		if err != nil {
			continue // reported where the options are resolved
		}
		if u, err := url.Parse(page); err == nil && ownCallback.MatchString(u.Path) {
			logger.Warn("the callback page looks like the sidecar's own route /auth/{actor}/{provider}/callback; it must be a page of the storefront, not a route of the sidecar",
				zap.String("provider", id), zap.String("callback_url", page))
		}
	}
}

var ownCallback = regexp.MustCompile(`^/auth/[^/]+/[^/]+/callback/?$`)
