package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// backendModule is a guest module that knows one kind of commerce backend.
type backendModule interface {
	// open readies it for the identities of a realm, without connecting.
	open(realm *Realm, logger *slog.Logger) (*backend, error)
}

// backend is what a site has of the commerce backend behind it.
type backend struct {
	identity.BackendConfig
	// legacy, unless nil, is what there is in place of the BackendConfig.
	legacy *identity.LegacyConfig
	// name is that of its group in the reset queue: the same over reloads and on
	// all nodes.
	name string
	// routes is the path of its own authentication, which is for the sidecar
	// alone: shadows could log in there. "" if that has no path of its own.
	routes string
	// credentials are its own routes that write passwords.
	credentials []credentialRoute
	// minter mints what the backend accepts; all says that it accepts nothing
	// else, so that even a client's own token is replaced. knows, unless nil, tells
	// whom it has a token for; everybody else is nobody there.
	minter *verify.Minter
	all    bool
	knows  func(c *verify.Caller) bool
	// apiKey is the field in which it takes keys that it judges itself, beside
	// Basic; "" for none.
	apiKey string
	// trusted returns why a credential must not be forwarded now: the backend
	// would not take it and serve somebody anonymous. doubt makes it ask again.
	trusted func(ctx context.Context) error
	doubt   func()
}

// backendRing makes the ring that signs with a backend's own secret; setting is the
// backend's name for that.
func backendRing(logger *zap.Logger, what, configured, setting string) (*token.Ring, identity.Secret, error) {
	secret, err := resolveSecret(what, configured)
	if err != nil {
		return nil, secret, err
	}
	warnLiteral(logger, what, configured)
	if length := len(secret.Reveal()); length < token.MinSecret {
		logger.Warn(what+": it is short enough to be guessed from a single token; give Medusa a "+setting+" of 32 bytes",
			zap.Int("bytes", length))
	}
	key, err := token.NewSecret(secret, true)
	if err != nil {
		return nil, secret, err
	}
	ring, err := token.NewRing(token.Config{Keys: []token.Key{key}})
	return ring, secret, err
}

// loadBackend finds out what is behind the site, and puts the realm's service in
// front of it.
func (h *Handler) loadBackend(ctx caddy.Context) error {
	h.service, h.minter = h.realm.service, h.realm.minter
	if len(h.BackendRaw) == 0 {
		return nil
	}
	module, err := ctx.LoadModule(h, "BackendRaw")
	if err != nil {
		return fmt.Errorf("backend: %w", err)
	}
	loaded, ok := module.(backendModule)
	if !ok {
		return fmt.Errorf("backend: module %T is not a backend", module)
	}
	logger := ctx.Slogger()
	if h.backend, err = loaded.open(h.realm, logger); err != nil {
		return fmt.Errorf("backend: %w", err)
	}
	h.minter = h.backend.minter
	if l := h.backend.legacy; l != nil {
		if !h.speaks(dialectV1) {
			return errors.New(`backend: nobody could log in to this one without its own dialect: add "dialect v1" or "dialect v1 v2"`)
		}
		l.Resets, l.Logger = h.realm.queue, logger
		l.Retry = func(actorType, actorID string, operation func(ctx context.Context) error) {
			h.realm.retries.add(actor{actorType, actorID}, operation)
		}
		h.service = h.realm.service.WithLegacy(*l)
	} else {
		h.backend.Resets, h.backend.Logger = h.realm.queue, logger
		h.service = h.realm.service.WithBackend(h.backend.BackendConfig)
	}
	if h.backend.routes == "" {
		h.backend.routes = h.Prefix
	}
	if h.cookie != session.DefaultName {
		h.foreignCookie = session.DefaultName // the backend's own, which would count there
	}
	return h.realm.passResets(h.backend.name, h.service)
}

// presentsKey reports whether the request has a key that the backend judges: it
// was not replaced, so nobody else is the caller.
func (h *Handler) presentsKey(r *http.Request) bool {
	if h.backend != nil && h.backend.apiKey != "" && len(r.Header[h.backend.apiKey]) > 0 {
		return true
	}
	return presentsBasic(r.Header)
}

// passResets lets the backend hear of reset requests, by the queue. Sites that
// stand in front of the same one share a group.
func (r *Realm) passResets(name string, service *identity.Service) error {
	if r.backends[name] != nil {
		return nil
	}
	d, err := notify.New(notify.Config{
		Queue: r.queue, Issue: rawReset, Logger: r.slogger, ResetTTL: service.ResetTTL,
		Notifiers: []notify.Named{{Name: name, Notifier: passer{service}}},
	})
	if err != nil {
		return fmt.Errorf("passing resets on: %w", err)
	}
	if r.backends == nil {
		r.backends = make(map[string]*notify.Dispatcher)
	}
	r.backends[name] = d
	return nil
}

// rawReset makes a notification of a request as it is, whoever it is for.
func rawReset(_ context.Context, r identity.ResetRequest) (*identity.Notification, error) {
	return &identity.Notification{
		ID: r.ID, Name: identity.PasswordReset, EntityID: r.Identifier, ActorType: r.ActorType, Provider: r.Provider,
		Metadata: r.Metadata, CreatedAt: r.AskedAt,
	}, nil
}

// passer is the notifier that hands requests to a backend.
type passer struct{ service *identity.Service }

// Notify implements identity.Notifier.
func (p passer) Notify(ctx context.Context, n identity.Notification) error {
	return p.service.PassReset(ctx, identity.ResetRequest{
		ID: n.ID, Provider: n.Provider, ActorType: n.ActorType, Identifier: n.EntityID, Metadata: n.Metadata, AskedAt: n.CreatedAt,
	})
}
