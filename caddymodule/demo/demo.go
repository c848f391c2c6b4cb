package demo

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/provider/demoidp"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// The kinds of demo that a Handler can be.
const (
	kindStorefront = "storefront"
	kindMedusa     = "medusa"
	kindLegacy     = "legacy"
	kindOpenID     = "openid"
)

// Handler is a demo to try the auth sidecar with: the page of a small shop, the
// commerce backend behind it, or a provider to sign in with. It is not meant for production.
//
// The backends keep customers, admin users and invites in memory, at most
// 10,000 customers. They survive a reload of the configuration, not a restart.
type Handler struct {
	// Which demo to be:
	//
	// - `storefront` serves a page at `/` where one registers, logs in, sees
	// one's account, resets the password and logs out. Requests for anything
	// but the page's files go to the next handler.
	// - `medusa` is a backend that knows its callers by the bearer token, as
	// Medusa v2 does. It needs `jwt_secret`.
	// - `legacy` is a backend that knows no tokens and believes the `X-Auth-*`
	// headers. It must not be reachable past the sidecar.
	// - `openid` is a provider to sign in with, at which everybody is who they
	// say. It needs `issuer` and `client`.
	//
	// A backend answers every request, so a storefront on the same site comes
	// before it. Default: `storefront`.
	Kind string `json:"kind,omitempty"`

	// The name of the shop. Backends of the same kind and name share what they
	// remember, also across reloads. Default: empty, which is a name as well.
	Name string `json:"name,omitempty"`

	// The secret with which access tokens are signed, as `{env.NAME}` or
	// `{file.PATH}`. Only for `medusa`, and required there. It is resolved when
	// the configuration is loaded.
	JWTSecret string `json:"jwt_secret,omitempty"`

	// Where the provider is: `http://localhost:8082`. Only for `openid`, and
	// required there.
	Issuer string `json:"issuer,omitempty"`

	// The one application that may send people to the provider. Only for
	// `openid`, and required there.
	Client *Client `json:"client,omitempty"`

	backend http.Handler // nil for a storefront
	poolKey string       // "" while there is no reference to give back
}

// Client is an application at the provider. Its secret stands in the
// configuration, since nothing is behind it.
type Client struct {
	ID     string `json:"id,omitempty"`
	Secret string `json:"secret,omitempty"`
	// The page to which people go back.
	RedirectURI string `json:"redirect_uri,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.auth_sidecar_demo",
		New: func() caddy.Module { return new(Handler) },
	}
}

// shops holds the Records of every backend, so that they outlive a reload.
var shops = caddy.NewUsagePool()

// Destruct implements caddy.Destructor. Records need no tidying up; requests of
// an older configuration may still be using them.
func (*Records) Destruct() error { return nil }

// Provision implements caddy.Provisioner.
func (h *Handler) Provision(caddy.Context) error {
	if err := h.check(); err != nil {
		return err
	}
	var opts ShopOptions
	switch h.Kind {
	case kindMedusa:
		secret, err := caddy.NewReplacer().ReplaceOrErr(h.JWTSecret, true, true)
		if err != nil {
			return fmt.Errorf("resolve jwt_secret: %w", err)
		}
		opts.Authenticate = MedusaAuthenticator([]byte(secret))
	case kindLegacy:
		opts.Authenticate = LegacyAuthenticator()
		opts.AnnounceLinks = true
	case kindOpenID:
		provider, err := demoidp.New(demoidp.Options{
			Issuer: h.Issuer,
			Clients: []demoidp.Client{{
				ID: h.Client.ID, Secret: identity.NewSecret(h.Client.Secret), RedirectURIs: []string{h.Client.RedirectURI},
			}},
			People: []demoidp.Person{{Name: "Grace Hopper", Email: "grace@example.com"}, {Name: "Alan Turing", Email: "alan@example.com"}},
		})
		h.backend = provider
		return err
	default:
		return nil
	}
	key := h.Kind + "/" + h.Name
	records, _, err := shops.LoadOrNew(key, func() (caddy.Destructor, error) { return NewRecords(), nil })
	if err != nil {
		return fmt.Errorf("open the shop %q: %w", key, err)
	}
	h.poolKey = key
	opts.Records = records.(*Records)
	h.backend = NewShop(opts)
	return nil
}

// check looks for fields that do not fit each other.
func (h *Handler) check() error {
	switch h.Kind {
	case "", kindStorefront, kindMedusa, kindLegacy, kindOpenID:
	default:
		return fmt.Errorf("unknown kind %q: expected %s, %s, %s or %s", h.Kind, kindStorefront, kindMedusa, kindLegacy, kindOpenID)
	}
	switch {
	case h.Kind == kindMedusa && h.JWTSecret == "":
		return fmt.Errorf("jwt_secret is required for the kind %s", kindMedusa)
	case h.Kind != kindMedusa && h.JWTSecret != "":
		return fmt.Errorf("jwt_secret is for the kind %s only", kindMedusa)
	case h.JWTSecret != "" && !secretPlaceholder.MatchString(h.JWTSecret):
		return errors.New("jwt_secret is a placeholder {env.NAME} or {file.PATH}, not the secret itself")
	case h.Name != "" && h.Kind != kindMedusa && h.Kind != kindLegacy:
		return fmt.Errorf("name is for the kinds %s and %s only", kindMedusa, kindLegacy)
	case h.Kind == kindOpenID && (h.Issuer == "" || h.Client == nil):
		return fmt.Errorf("issuer and client are required for the kind %s", kindOpenID)
	case h.Kind != kindOpenID && (h.Issuer != "" || h.Client != nil):
		return fmt.Errorf("issuer and client are for the kind %s only", kindOpenID)
	}
	return nil
}

// secretPlaceholder matches what a secret may be in the configuration: one that
// stands there itself would be printed and stored with it.
var secretPlaceholder = regexp.MustCompile(`^\{(env|file)\.[^{}]+\}$`)

// Cleanup implements caddy.CleanerUpper.
func (h *Handler) Cleanup() error {
	if h.poolKey == "" {
		return nil
	}
	_, err := shops.Delete(h.poolKey)
	return err
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if h.backend != nil {
		h.backend.ServeHTTP(w, r)
		return nil
	}
	if servePage(w, r) {
		return nil
	}
	return next.ServeHTTP(w, r)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ caddy.Destructor            = (*Records)(nil)
)
