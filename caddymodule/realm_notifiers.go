package caddymodule

import (
	"context"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-commerce/auth-sidecar/identity"
	"github.com/caddy-commerce/auth-sidecar/identity/notify"
)

// streamUser is a notifier that writes into the realm's own Redis.
type streamUser interface {
	useStream(client redis.UniversalClient, prefix string, resetTTL time.Duration) error
}

// queueName is the name under which a notifier's progress is kept in Redis. It
// must stay the same over reloads and on all nodes.
func queueName(module any, i int) string {
	if m, ok := module.(interface{ queueName() string }); ok {
		return m.queueName()
	}
	return fmt.Sprintf("%s.%d", module.(caddy.Module).CaddyModule().ID.Name(), i)
}

func (r *Realm) loadNotifiers(ctx caddy.Context, client redis.UniversalClient) error {
	modules, err := ctx.LoadModule(r, "NotifiersRaw")
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	var notifiers []notify.Named
	for i, module := range modules.([]any) {
		notifier, ok := module.(identity.Notifier)
		if !ok {
			return fmt.Errorf("notify: module %T is not a notifier", module)
		}
		if user, ok := module.(streamUser); ok {
			if err := user.useStream(client, r.Redis.KeyPrefix, time.Duration(r.ResetTTL)); err != nil {
				return fmt.Errorf("notify: %w", err)
			}
		}
		notifiers = append(notifiers, notify.Named{Name: queueName(module, i), Notifier: notifier})
	}
	r.notifiers = len(notifiers)
	r.dispatcher, err = notify.New(notify.Config{
		Queue: r.queue, Issue: r.service.IssueReset, Notifiers: notifiers, Logger: r.slogger,
		ResetTTL: time.Duration(r.ResetTTL),
	})
	return err
}

// nowhere takes the reset requests of a realm without notifiers.
type nowhere struct{}

// Enqueue implements identity.ResetQueue.
func (nowhere) Enqueue(context.Context, identity.ResetRequest) error { return nil }
