package caddymodule

import (
	"context"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/redisstore"
	"github.com/caddy-commerce/auth-sidecar/identity/verify"
)

// announceMost bounds the announcements that are under way at once. What is not
// announced is found out by age.
const announceMost = 64

// revocations tell this process and all others what is worth nothing any more in
// their caches, and which streams have to be looked at, whichever configuration they
// began under.
type revocations struct {
	verifier *verify.Verifier
	// store is nil where there is one process alone.
	store  *redisstore.Store
	logger *zap.Logger
	slots  chan struct{}
	joined atomic.Bool
}

func newRevocations(v *verify.Verifier, store *redisstore.Store, logger *zap.Logger) *revocations {
	return &revocations{verifier: v, store: store, logger: logger, slots: make(chan struct{}, announceMost)}
}

// identity says that credentials of the identity ended, or may have.
func (t *revocations) identity(id string) {
	t.heard(redisstore.Revocation{IdentityID: id})
	t.announce(redisstore.Revocation{IdentityID: id})
}

// session says that the session ended or changed.
func (t *revocations) session(sid string) {
	t.heard(redisstore.Revocation{SID: sid})
	t.announce(redisstore.Revocation{SID: sid})
}

func (t *revocations) heard(r redisstore.Revocation) {
	if r.SID != "" {
		t.verifier.ForgetSession(r.SID)
	} else {
		t.verifier.Forget(r.IdentityID)
	}
	running.recheck(r)
}

// announce tells the others, without anybody waiting for it.
func (t *revocations) announce(r redisstore.Revocation) {
	if t.store == nil {
		return
	}
	select {
	case t.slots <- struct{}{}:
	default:
		t.logger.Warn("revocation was not announced; other nodes find out by age", zap.String("reason", "announce_busy"))
		return
	}
	go func() {
		defer func() { <-t.slots }()
		if err := t.store.Announce(context.Background(), r); err != nil { // the store bounds the time
			t.logger.Warn("revocation was not announced; other nodes find out by age",
				zap.String("reason", identity.ReasonOf(err)), zap.Error(err))
		}
	}()
}

// run listens to the others until ctx ends.
func (t *revocations) run(ctx context.Context) {
	if t.store == nil {
		return
	}
	lost := false // and the log says so
	t.store.Listen(ctx, redisstore.Listener{
		Heard: t.heard,
		Joined: func() {
			t.verifier.ForgetAll()
			running.recheckAll()
			t.joined.Store(true)
			t.logger.Debug("listening to revocations of other nodes")
			if lost {
				lost = false
				t.logger.Info("listening to revocations of other nodes again")
			}
		},
		Left: func(err error) {
			level := t.logger.Debug
			if t.joined.Swap(false) { // once per loss
				level = t.logger.Warn
				lost = true
			}
			level("not listening to revocations of other nodes; they are found out by age", zap.String("reason", identity.ReasonOf(err)), zap.Error(err))
		},
	})
}
