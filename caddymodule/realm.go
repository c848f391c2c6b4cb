package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/oklog/ulid/v2"
	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/session"
	"github.com/caddy-commerce/auth-sidecar/identity/token"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

const (
	// defaultRevocationAge bounds how long a revoked credential may still pass.
	defaultRevocationAge = 5 * time.Second
	// defaultResetTTL is the life of a reset token.
	defaultResetTTL = 15 * time.Minute
)

// Realm is an isolated set of identities with its own keys, providers and policy.
type Realm struct {
	// Where identities and sessions are kept. Required.
	Redis *Redis `json:"redis,omitempty"`

	// How access tokens are signed. Required, except with embedded Redis.
	JWT *JWT `json:"jwt,omitempty"`

	// How long sessions last and what their cookie looks like. Its secret is
	// required, except with embedded Redis.
	Session *Session `json:"session,omitempty"`

	// How people prove who they are. Default: `emailpass` alone.
	Providers []ProviderConfig `json:"providers,omitempty"`

	// The actor types and the ids of the providers that each may use. When any
	// is listed, no other actor type exists. Default: every actor type may use
	// every provider, except that `user` may use emailpass alone.
	Actors map[string][]string `json:"actors,omitempty"`

	// Where password-reset tokens are delivered. Without any, reset requests
	// are accepted and delivered nowhere.
	NotifiersRaw []json.RawMessage `json:"notifiers,omitempty" caddy:"namespace=auth_sidecar.notifiers inline_key=notifier"`

	// How long the store's answer about a credential is believed without
	// asking again: a credential revoked on another node is refused after that
	// time at the latest. 0 asks at every request. Default: 5s.
	RevocationMaxAge *caddy.Duration `json:"revocation_max_age,omitempty"`

	// How long a password-reset token is good. Default: 15m.
	ResetTTL caddy.Duration `json:"reset_ttl,omitempty"`

	// How often strangers may try. Default: as the documentation says.
	Limits *Limits `json:"limits,omitempty"`

	connectionKey string
	ring          *token.Ring
	sessions      *session.Manager
	service       *identity.Service
	verifier      *verify.Verifier
	minter        *verify.Minter
	revocations   *revocations
	follower      *follower
	store         *redisstore.Store
	queue         *redisstore.Queue
	shadowKeys    []identity.Secret             // of backends' passwords, the current one first
	backends      map[string]*notify.Dispatcher // of resets, by name
	linked        []string                      // actor types that configured routes make
	open          []string                      // ids of providers at which strangers log in
	redirects     bool                          // a provider sends people to a third party
	notifiers     int
	dispatcher    *notify.Dispatcher
	retries       *retries
	logger        *zap.Logger
	slogger       *slog.Logger

	cancel context.CancelFunc
	done   sync.WaitGroup
}

func (r *Realm) provision(ctx caddy.Context, name string) error {
	r.logger = ctx.Logger().With(zap.String("realm", name))
	r.slogger = ctx.Slogger().With("realm", name)
	if r.Session == nil {
		r.Session = new(Session)
	}
	if err := r.Session.settings().Validate(); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	if r.ResetTTL == 0 {
		r.ResetTTL = caddy.Duration(defaultResetTTL)
	}
	if err := r.checkLives(); err != nil {
		return err
	}
	conn, key, err := r.Redis.connect(name)
	if err != nil {
		return err
	}
	if r.Redis.KeyPrefix == "" {
		r.Redis.KeyPrefix = defaultKeyPrefix(name)
	}
	r.connectionKey = key // from here on Cleanup has something to release
	r.retries = newRetries(key, r.logger)
	r.Redis.warn(r.logger)
	if conn.embedded != nil {
		r.logger.Warn("redis embedded: identities and sessions live in this process's memory and are gone when it ends; for trying things out only")
	}
	if r.ring, err = r.JWT.ring(conn.secret, r.logger); err != nil {
		return err
	}
	cookieSecrets, err := r.Session.secrets(conn.secret, r.logger)
	if err != nil {
		return err
	}
	for _, secret := range cookieSecrets {
		r.shadowKeys = append(r.shadowKeys, derive(secret, "shadow of "+name))
	}
	store, err := redisstore.New(conn.client, redisstore.Options{
		Prefix: r.Redis.KeyPrefix, SessionPrefix: r.Session.KeyPrefix, Timeout: time.Duration(r.Redis.Timeout),
	})
	if err != nil {
		return err
	}
	r.store, r.queue = store, store.Queue()
	r.sessions, err = session.NewManager(session.Config{
		Secrets: cookieSecrets, Settings: r.Session.settings(), Store: store, Waits: r.Redis.Wait != nil,
		Ended: func(sid string) { r.revocations.session(sid) }, // which there are before there is a session
	})
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	age := defaultRevocationAge
	if r.RevocationMaxAge != nil {
		age = time.Duration(*r.RevocationMaxAge)
	}
	r.verifier, err = verify.New(verify.Config{Tokens: r.ring, Identities: store, Sessions: r.sessions, Actors: store, MaxAge: age})
	if err != nil {
		return err
	}
	r.minter = verify.NewMinter(r.ring, nil)
	shared := store
	if conn.embedded != nil {
		shared = nil // no other process sees it
	}
	r.revocations = newRevocations(r.verifier, shared, r.logger)
	r.follower = &follower{still: r.verifier.Still, age: age, using: &conn.followed, logger: r.logger}
	providers, err := r.loadProviders(ctx)
	if err != nil {
		return err
	}
	resets := identity.ResetQueue(r.queue)
	if len(r.NotifiersRaw) == 0 {
		resets = nowhere{} // what nobody will read is not kept
	}
	var ttl time.Duration
	if r.JWT != nil {
		ttl = time.Duration(r.JWT.ExpiresIn)
	}
	limiter, err := r.Limits.limiter(store, derive(cookieSecrets[0], "limits of "+name))
	if err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	r.service, err = identity.NewService(identity.Config{
		Store: store, Providers: providers, Actors: r.Actors, Attempts: store, Limiter: limiter, TokenTTL: ttl,
		Resets: resets, Tokens: r.ring, ResetTTL: time.Duration(r.ResetTTL),
		NewID:   func() string { return ulid.Make().String() },
		Revoked: r.revocations.identity,
	})
	if err != nil {
		return err
	}
	r.warnOfActors()
	return r.loadNotifiers(ctx, conn.client)
}

// checkLives refuses tokens that would have expired when they are made: their
// times are whole seconds.
func (r *Realm) checkLives() error {
	if r.JWT != nil && r.JWT.ExpiresIn != 0 && time.Duration(r.JWT.ExpiresIn) < time.Second {
		return fmt.Errorf("jwt: expires_in %s: a token must last at least 1s", time.Duration(r.JWT.ExpiresIn))
	}
	if r.ResetTTL != 0 && time.Duration(r.ResetTTL) < time.Second {
		return fmt.Errorf("reset_ttl %s: a token must last at least 1s", time.Duration(r.ResetTTL))
	}
	return nil
}

// defaultKeyPrefix keeps realms apart that share one Redis.
func defaultKeyPrefix(realm string) string {
	if realm == defaultRealm {
		return "auth:"
	}
	return "auth:" + realm + ":"
}

func (r *Realm) start() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	if r.notifiers == 0 && len(r.backends) == 0 {
		r.logger.Warn("no notifier is configured: password resets are accepted and nobody is told; add for example \"notify webhook https://…\"")
	}
	if !r.Redis.Embedded {
		r.done.Go(func() { r.examine(ctx) })
	}
	r.done.Go(func() { r.sessions.Run(ctx) })
	r.done.Go(func() { r.revocations.run(ctx) })
	for _, d := range append(slices.Collect(maps.Values(r.backends)), r.dispatcher) {
		r.done.Go(func() {
			if err := d.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
				r.logger.Error("delivery of notifications ended", zap.Error(err))
			}
		})
	}
}

func (r *Realm) stop() {
	if r.cancel != nil {
		r.cancel()
		r.done.Wait()
	}
}

func (r *Realm) release() error {
	if r.connectionKey == "" {
		return nil
	}
	_, err := connections.Delete(r.connectionKey)
	return err
}

// https reports whether the client spoke https, to Caddy itself or to a proxy
// that Caddy trusts. The first value counts, as for Medusa.
func https(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	return fromTrustedProxy(r) && firstValue(r.Header.Get("X-Forwarded-Proto")) == "https"
}
