package caddymodule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi"
	"github.com/caddy-commerce/auth-sidecar/identity/httpapi/dialectv1"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler answers the authentication routes below its prefix and verifies the
// credentials of every other request before the next handler sees it.
//
// A bearer token or session that proves nobody is removed and the request goes
// on as anonymous; `auth_require` decides who may pass. When the store cannot
// be asked and no fresh answer is at hand, a request with a credential is
// answered 503 with `Retry-After`; one without passes.
//
// These placeholders tell of the caller, and are empty for nobody:
// `{http.auth.user.id}` (the identity), `{http.auth.user.actor_id}`,
// `{http.auth.user.actor_type}`, `{http.auth.user.provider}` and
// `{http.auth.user.method}` (`bearer` or `session`). The access log gets
// `auth_identity_id` and `actor_type`.
type Handler struct {
	// The realm of this site. Default: `default`.
	Realm string `json:"realm,omitempty"`

	// The wire dialects that are served: `v2`, the routes of Medusa v2 below the
	// prefix, and `v1`, those of Medusa v1 at `/store/auth`, `/admin/auth` and
	// elsewhere. Both are about the same identities. Default: v2.
	Dialects []string `json:"dialects,omitempty"`

	// Whether dialect v1 tells anybody if an address has an account
	// (`GET /store/auth/{email}`), which some storefronts ask before a login: `on`,
	// at a limited rate, or `off`, which answers 404. Default: on.
	Exists string `json:"exists,omitempty"`

	// The path below which the routes of dialect v2 are answered. Nothing below it
	// is ever passed on. Default: `/auth`.
	Prefix string `json:"prefix,omitempty"`

	// The origins whose scripts may use the routes, exactly as a browser sends
	// them (`https://shop.example.com`), or as `/regular expression/`. They are
	// trusted with cookies too. Default: none but the site's own.
	CORS []string `json:"cors,omitempty"`

	// Routes of the backend whose success makes an actor for the caller, in
	// addition to Medusa's own.
	Links []Link `json:"links,omitempty"`

	// Routes of the backend whose success deletes an actor, in addition to
	// Medusa's own.
	Unlinks []Unlink `json:"unlinks,omitempty"`

	// What a verified session becomes towards the backend: `bearer`, a token
	// minted for minutes, or `none`. Default: bearer.
	Forward string `json:"forward,omitempty"`

	// The prefix of the headers that tell the backend who calls: `Actor-Id`,
	// `Actor-Type`, `Identity-Id` and `Provider` behind it; `off` for none.
	// Clients' own `X-Auth-*` headers are removed in any case.
	// Default: `X-Auth-`, and off with a backend.
	Headers string `json:"headers,omitempty"`

	// What becomes of a request whose credential proves nobody: `ignore`
	// removes it and goes on as anonymous, `reject` answers 401.
	// Default: ignore.
	InvalidCredentials string `json:"invalid_credentials,omitempty"`

	// The largest request body that the routes read, in bytes. Default: 64 KiB.
	MaxBody int64 `json:"max_body,omitempty"`

	// The commerce backend behind the site, whose accounts and actors the
	// sidecar looks after. Default: none; it only learns of actors by watching.
	BackendRaw json.RawMessage `json:"backend,omitempty" caddy:"namespace=auth_sidecar.backends inline_key=backend"`

	realm   *Realm
	service *identity.Service // the realm's, in front of the backend
	minter  *verify.Minter
	backend *backend // nil without one
	// foreignCookie is the name of a session cookie that only the backend knows.
	foreignCookie string
	cookie        string // the name of the session's cookie
	api           *httpapi.Handler
	v1            *dialectv1.Handler // nil unless that dialect is served
	crossOrigin   *httpapi.CrossOrigin
	origins       httpapi.Origins
	links         []Link
	unlinks       []Unlink
	names         headerNames
	logger        *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.auth_sidecar",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision sets up the handler.
func (h *Handler) Provision(ctx caddy.Context) error {
	var err error
	if h.realm, err = realmFor(ctx, h.Realm); err != nil {
		return err
	}
	return h.provision(ctx)
}

func (h *Handler) provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	var err error
	h.cookie = cmp.Or(h.realm.Session.Cookie, session.DefaultName)
	h.Prefix = cmp.Or(h.Prefix, httpapi.DefaultPrefix)
	switch h.Forward {
	case "", "bearer", "none":
	default:
		return fmt.Errorf("forward %q: use bearer or none", h.Forward)
	}
	switch h.InvalidCredentials {
	case "", "ignore", "reject":
	default:
		return fmt.Errorf("invalid_credentials %q: use ignore or reject", h.InvalidCredentials)
	}
	if err := h.loadBackend(ctx); err != nil {
		return err
	}
	if h.backend != nil && h.Headers == "" {
		h.Headers = "off"
	}
	if h.names, err = newHeaderNames(h.Headers); err != nil {
		return err
	}
	if h.links, h.unlinks, err = compileLinks(h.Links, h.Unlinks); err != nil {
		return err
	}
	if err := h.realm.expect(h.Links, h.Unlinks); err != nil {
		return err
	}
	if h.origins, err = parseOrigins(h.CORS); err != nil {
		return err
	}
	h.crossOrigin = httpapi.NewCrossOrigin(h.origins)
	if err := h.provisionV1(ctx); err != nil {
		return err
	}
	var recent httpapi.RecentLogins
	if h.realm.redirects {
		recent = h.realm.store
	}
	h.api, err = httpapi.New(httpapi.Config{
		Recent: recent,
		Prefix: h.Prefix, MaxBody: h.MaxBody, Origins: h.origins, HTTPS: https, Backend: h.backend != nil && h.backend.legacy == nil,
		Service: h.service, Tokens: h.realm.ring, Sessions: h.realm.sessions, Verifier: h.realm.verifier,
		SessionEnded: h.realm.revocations.session, Logger: ctx.Slogger(),
	})
	return err
}

func parseOrigins(list []string) (httpapi.Origins, error) {
	origins, err := httpapi.ParseOrigins(list)
	if err != nil {
		return httpapi.Origins{}, fmt.Errorf("cors: %w", err)
	}
	return origins, nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	stripIdentity(r.Header, h.names.own)
	stripTrailers(r, h.names.own)
	if r.URL.Path == "" && r.Method != http.MethodConnect {
		r.URL.Path = "/" // of `GET http://shop.example`: RFC 9112, section 3.2.1, and what the backend is sent
	}
	where := locate(r.URL, h.Prefix)
	if where == belowPrefix {
		if h.speaks(dialectV2) {
			h.api.ServeHTTP(w, withClient(r))
			return nil
		}
		where = elsewhere
	}
	if where == elsewhere && h.v1 != nil {
		if where = inV1(r); where == belowPrefix {
			if r = withClient(r); h.v1.Serve(w, r) {
				return nil
			}
		}
	}
	if where == ambiguous {
		h.refused(r, "path_ambiguous")
		return answerPath.write(w)
	}
	if h.backend != nil && h.backend.routes != h.Prefix && locate(r.URL, h.backend.routes) != elsewhere {
		h.refused(r, "backend_route")
		h.origins.Allow(w.Header(), r)
		return answerNoRoute.write(w)
	}
	var both struct { // in one piece of memory
		state
		responseFilter
	}
	s, filter := &both.state, &both.responseFilter
	*s = state{handler: h, result: anonymous}
	s.introduce(r)
	filter.cookie, filter.foreign, filter.ResponseWriter = h.cookie, h.foreignCookie, w
	w = filter
	defer filter.end()

	// Browsers send no credential with a preflight, and it is nobody's request.
	if preflight(r) {
		_ = s.tell(r, nil) // nobody is easily told; what looks like a credential is removed
		return h.watch(w, r, s, next)
	}
	result, err := h.realm.verifier.Request(r)
	if err != nil {
		return h.unknown(w, r, err)
	}
	result, err = sameOrigin(r, result, h.crossOrigin)
	if err != nil {
		h.refused(r, "cross_origin")
		return answerCrossOrigin.write(w)
	}
	s.result = result
	s.key = result.Refused != "" && strings.HasPrefix(opaqueBearer(r.Header), secretKeys)
	if result.Anonymous() && result.Refused != "" && h.InvalidCredentials == "reject" && !h.foreign(r) {
		h.refused(r, result.Refused)
		h.origins.Allow(w.Header(), r)
		return answerUnauthorized.write(w)
	}
	if err := s.tell(r, chooseCaller(r, result)); err != nil {
		return h.unknown(w, r, err)
	}
	if s.caller != nil && s.caller.Method == verify.Session {
		filter.prolong = h.api.Prolong(r, result.SID, result.Session)
	}
	if s.caller != nil {
		r = filter.follow(r, s, h.realm.follower)
	}
	return h.watch(w, r, s, next)
}

func (h *Handler) unknown(w http.ResponseWriter, r *http.Request, err error) error {
	h.logger.Warn("credential could not be verified",
		zap.String("reason", identity.ReasonOf(err)), zap.Error(err))
	h.origins.Allow(w.Header(), r)
	return answerUnknown.write(w)
}

// refused logs why a request was answered instead of the backend. A credential
// that is only ignored is not worth a line: stale cookies come with every visit.
func (h *Handler) refused(r *http.Request, reason string) {
	if c := h.logger.Check(zap.InfoLevel, "request refused"); c != nil {
		c.Write(zap.String("reason", reason), zap.String("method", r.Method))
	}
}

func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" && r.Header.Get("Origin") != ""
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
